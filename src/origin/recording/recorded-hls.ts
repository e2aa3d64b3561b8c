import { type AudioStream, type VideoStream, writeMultivariantPlaylist } from '../hls/multivariant-playlist.js';
import type { RecordedRun, RecordedTrack } from './broadcast-index.js';
import { recordedCaptions } from './recorded-events.js';
import { isWhole, type RecordedView } from './recorded-span.js';

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
  return writeMultivariantPlaylist({ video, audio, captions: recordedCaptions(view, run) });
}

/** What the encoder may spend at most, or what it did spend where that is more. */
export function streamRate({ rendition, spent }: RecordedTrack): { bandwidth: number; averageBandwidth: number } {
  const ceiling = rendition.kind === 'video' ? rendition.maxBitrate : rendition.bitrate;
  const average = spent.seconds > 0 ? spent.bits / spent.seconds : rendition.bitrate;
  return { bandwidth: Math.max(ceiling, spent.peak, average), averageBandwidth: average };
}
