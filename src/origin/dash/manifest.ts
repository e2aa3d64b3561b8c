import type { CaptionChannels } from '../../media/source-facts.js';
import { carriesCaptions } from '../caption-carriage.js';
import { type DashEvents, eventStreams } from './event-stream.js';
import { element, isoDuration, isoTime } from './xml.js';

export interface DashManifest {
  readonly live: DashLive | null;
  /** Of the whole, where it is over: seconds. Required when not live. */
  readonly durationSec: number | null;
  /** The longest segment, seconds. */
  readonly maxSegmentSec: number;
  readonly periods: readonly DashPeriod[];
}

interface DashLive {
  /** Wall clock of the presentation's zero, epoch ms. Never changes while the manifest is updated. */
  readonly availabilityStartTime: number;
  readonly publishTime: number;
  readonly minimumUpdateSec: number;
  /** Null: all since the beginning. */
  readonly timeShiftBufferSec: number | null;
  readonly presentationDelaySec: number;
  /** Where a client asks for the time (urn:mpeg:dash:utc:http-iso:2014). */
  readonly clockUri: string;
}

export interface DashPeriod {
  readonly id: string;
  readonly startSec: number;
  readonly tracks: readonly DashTrack[];
  /** What was told beside the media. */
  readonly events?: DashEvents;
  /** In the pictures; null: none are known. */
  readonly captions?: CaptionChannels | null;
}

export interface DashTrack {
  readonly id: string;
  readonly kind: 'video' | 'audio';
  readonly codecs: string;
  readonly bandwidth: number;
  /** Video. */
  readonly width?: number;
  readonly height?: number;
  readonly frameRate?: number;
  /** Audio. */
  readonly sampleRate?: number;
  readonly channels?: number;
  readonly timescale: number;
  /** Media time, in ticks, that is the period's start. */
  readonly presentationTimeOffset: number;
  readonly startNumber: number;
  readonly initUri: string;
  /** With `$Number$`. */
  readonly mediaUri: string;
  /** In order and numbered without a hole from `startNumber`; ticks. */
  readonly segments: readonly { readonly start: number; readonly duration: number }[];
}

const PROFILE = 'urn:mpeg:dash:profile:isoff-live:2011';
const CHANNEL_SCHEME = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011';

/** Writes an MPD (ISO/IEC 23009-1 §5): dynamic with `live`, static without. */
export function writeManifest(manifest: DashManifest): string {
  const { live, durationSec, maxSegmentSec, periods } = manifest;
  const attributes = {
    xmlns: 'urn:mpeg:dash:schema:mpd:2011',
    profiles: PROFILE,
    type: live === null ? 'static' : 'dynamic',
    ...(live === null ? {} : liveAttributes(live)),
    mediaPresentationDuration: durationSec === null ? undefined : isoDuration(durationSec),
    maxSegmentDuration: isoDuration(maxSegmentSec),
    minBufferTime: isoDuration(Math.min(maxSegmentSec, 2)),
  };
  const clock =
    live === null
      ? []
      : [element('UTCTiming', { schemeIdUri: 'urn:mpeg:dash:utc:http-iso:2014', value: live.clockUri })];
  const mpd = element('MPD', attributes, [...periods.map(writePeriod), ...clock]);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${mpd}\n`;
}

function liveAttributes(live: DashLive) {
  return {
    availabilityStartTime: isoTime(live.availabilityStartTime),
    publishTime: isoTime(live.publishTime),
    minimumUpdatePeriod: isoDuration(live.minimumUpdateSec),
    timeShiftBufferDepth: live.timeShiftBufferSec === null ? undefined : isoDuration(live.timeShiftBufferSec),
    suggestedPresentationDelay: isoDuration(live.presentationDelaySec),
  };
}

function writePeriod({ id, startSec, tracks, events, captions = null }: DashPeriod): string {
  // Players change between the tracks of one set only, and from one codec to another not at all (ISO/IEC 23009-1 §5.3.3.1).
  const codecOf = ({ codecs }: DashTrack) => codecs.split('.')[0];
  const sets = (['video', 'audio'] as const)
    .flatMap((kind) => {
      const own = tracks.filter((track) => track.kind === kind);
      return [...new Set(own.map(codecOf))].map((codec) => ({ kind, tracks: own.filter((t) => codecOf(t) === codec) }));
    })
    .map((set, index) => writeSet(index, set.kind, set.tracks, captions));
  const told = events === undefined ? [] : eventStreams(events);
  return element('Period', { id, start: isoDuration(startSec) }, [...told, ...sets]);
}

function writeSet(
  index: number,
  kind: 'video' | 'audio',
  tracks: readonly DashTrack[],
  captions: CaptionChannels | null,
): string {
  const attributes = {
    id: index,
    contentType: kind,
    mimeType: `${kind}/mp4`,
    segmentAlignment: 'true',
    startWithSAP: 1,
  };
  const carried = kind === 'video' && captions !== null && carriesCaptions(tracks[0]?.codecs ?? '') ? captions : null;
  const captioned = carried === null ? [] : accessibility(carried);
  return element('AdaptationSet', attributes, [...captioned, ...tracks.map(writeTrack)]);
}

/** SCTE 214-1 §4.2: a language is demanded, and none is known (`und`, ISO 639-2). */
function accessibility({ cea608, cea708 }: CaptionChannels): string[] {
  const channels = cea608.map((channel) => `CC${channel}=und`).join(';');
  const services = cea708.map((service) => `${service}=lang:und`).join(';');
  const written = { 'cea-608': channels, 'cea-708': services };
  return Object.entries(written).flatMap(([standard, value]) => {
    return value === '' ? [] : [element('Accessibility', { schemeIdUri: `urn:scte:dash:cc:${standard}:2015`, value })];
  });
}

function writeTrack(track: DashTrack): string {
  const { id, codecs, width, height, sampleRate } = track;
  const attributes = {
    id,
    codecs,
    bandwidth: Math.ceil(track.bandwidth),
    width,
    height,
    frameRate: track.frameRate === undefined ? undefined : frameRateOf(track.frameRate),
    audioSamplingRate: sampleRate,
  };
  const channels =
    track.channels === undefined
      ? []
      : [element('AudioChannelConfiguration', { schemeIdUri: CHANNEL_SCHEME, value: track.channels })];
  return element('Representation', attributes, [...channels, writeTemplate(track)]);
}

/** A whole number or a ratio (§5.3.7.2): 29.97 is 30000/1001. */
function frameRateOf(rate: number): string {
  if (Number.isInteger(rate)) return String(rate);
  const ntsc = Math.round(rate * 1.001);
  return Math.abs((ntsc * 1000) / 1001 - rate) < 0.01 ? `${ntsc * 1000}/1001` : `${Math.round(rate * 1000)}/1000`;
}

function writeTemplate(track: DashTrack): string {
  const attributes = {
    timescale: track.timescale,
    presentationTimeOffset: track.presentationTimeOffset,
    startNumber: track.startNumber,
    initialization: track.initUri,
    media: track.mediaUri,
  };
  return element('SegmentTemplate', attributes, [element('SegmentTimeline', {}, writeTimeline(track.segments))]);
}

/** §5.3.9.6: `t` where a segment does not follow the one before it, `r` for repeats. */
function writeTimeline(segments: DashTrack['segments']): string[] {
  const runs: { t: number | undefined; d: number; r: number }[] = [];
  let expected: number | null = null;
  for (const { start, duration } of segments) {
    const last = runs.at(-1);
    if (last !== undefined && start === expected && last.d === duration) last.r += 1;
    else runs.push({ t: start === expected ? undefined : start, d: duration, r: 0 });
    expected = start + duration;
  }
  return runs.map(({ t, d, r }) => element('S', { t, d, r: r === 0 ? undefined : r }));
}
