import { mediaPath } from '../../media/media-path.js';
import type { AudioRendition, Rendition, VideoRendition } from '../../media/rendition.js';
import { type AudioStream, type VideoStream, writeMultivariantPlaylist } from '../hls/multivariant-playlist.js';
import { type RecordedStretch, writeRecordedPlaylist } from '../hls/recorded-playlist.js';
import { initName } from '../live-segment.js';
import type { RecordedRun, RecordedTrack } from './broadcast-index.js';
import { isWhole, type RecordedSpan, trackFor } from './recorded-span.js';
import { gapLines, type SegmentTexts } from './segment-texts.js';

export interface RecordedView {
  /** What is listed, oldest first. */
  readonly spans: readonly RecordedSpan[];
  /** Whether the broadcast's beginning is in it. */
  readonly whole: boolean;
  /** `live`: more may come. `ended`: it is a channel's, and over. `vod`: it is a video. */
  readonly state: 'live' | 'ended' | 'vod';
}

/** Whose renditions the manifests name: while it is live the newest that has them all, else the one with the most media. */
export function describingRun({ spans, state }: RecordedView): RecordedRun | null {
  const runs = spans.map(({ run }) => run);
  if (state === 'live') return runs.findLast(isWhole) ?? null;
  const seconds = ({ tracks }: RecordedRun) => Math.max(0, ...[...tracks.values()].map(({ spent }) => spent.seconds));
  return runs.filter(({ tracks }) => tracks.size > 0).sort((a, b) => seconds(b) - seconds(a))[0] ?? null;
}

/** Null while there is nothing to play. `uriOf` says where a rendition's playlist is. */
export function recordedMultivariant(view: RecordedView, uriOf: (rendition: string) => string): string | null {
  const run = describingRun(view);
  if (run === null) return null;
  const video: VideoStream[] = [];
  let audio: AudioStream | null = null;
  for (const { id } of run.renditions) {
    const track = run.tracks.get(id);
    if (track === undefined) continue;
    const { rendition, facts } = track;
    const common = { uri: uriOf(id), codecs: facts.codecs, ...streamRate(track) };
    if (rendition.kind === 'audio') audio = { ...common, channels: rendition.channels };
    else {
      const { width, height } = facts;
      video.push({ ...common, width, height, frameRate: rendition.frameRate, iframesUri: null });
    }
  }
  return writeMultivariantPlaylist({ video, audio });
}

/** Null where there is no such rendition, or nothing of it yet. */
export function recordedMediaPlaylist(view: RecordedView, id: string, texts: SegmentTexts): string | null {
  const [first] = view.spans;
  const wanted = renditionNamed(view, id);
  if (first === undefined || wanted === null) return null;
  const stretches = stretchesOf(view, wanted, texts);
  if (!stretches.some(({ initUri }) => initUri !== null)) return null;
  const longest = view.spans.map(({ index, run }) => Math.max(Math.ceil(run.segmentSec), Math.round(index.longestSec)));
  return writeRecordedPlaylist({
    mediaSequence: first.first,
    targetDurationSec: Math.max(...longest),
    type: view.state === 'vod' ? 'vod' : view.whole ? 'event' : 'window',
    ended: view.state !== 'live',
    stretches,
  });
}

/** What the encoder may spend at most, or what it did spend where that is more. */
export function streamRate({ rendition, spent }: RecordedTrack): { bandwidth: number; averageBandwidth: number } {
  const ceiling = rendition.kind === 'video' ? rendition.maxBitrate : rendition.bitrate;
  const average = spent.seconds > 0 ? spent.bits / spent.seconds : rendition.bitrate;
  return { bandwidth: Math.max(ceiling, spent.peak, average), averageBandwidth: average };
}

/** While it is live, a rendition that the newest run no longer has must be left: its playlist would stand still. */
function renditionNamed({ spans, state }: RecordedView, id: string): VideoRendition | AudioRendition | null {
  const runs = state === 'live' ? spans.slice(-1) : spans;
  const named = runs.findLast(({ run }) => run.renditions.some((each) => each.id === id));
  return named?.run.renditions.find((each) => each.id === id) ?? null;
}

function stretchesOf({ spans, state }: RecordedView, wanted: Rendition, texts: SegmentTexts): RecordedStretch[] {
  const stretches: RecordedStretch[] = [];
  for (const [at, span] of spans.entries()) {
    const { run, index } = span;
    const track = trackFor(run, wanted);
    const discontinuity = run.place.discontinuity;
    if (track === null) {
      // Not begun there yet; or a run without any sound, or any picture.
      if (state === 'live' && at === spans.length - 1) break;
      stretches.push({ initUri: null, discontinuity, lines: gapLines(span, wanted.id) });
      continue;
    }
    const initUri = mediaPath(index.broadcastId, track.rendition.id, initName(run.run));
    stretches.push({ initUri, discontinuity, lines: texts.text(span, track) });
    // What comes later is listed once what comes before it is: the playlist only ever grows at its end.
    if (state === 'live' && track.segments.next < span.end) break;
  }
  return stretches;
}
