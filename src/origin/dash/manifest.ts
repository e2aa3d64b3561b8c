import type { CaptionChannels } from '../../media/source-facts.js';
import { carriesCaptions } from '../caption-carriage.js';
import { type DashEvents, eventStreams } from './event-stream.js';
import {
  type DashGrid,
  GRID_TIMESCALE,
  gridAttributes,
  gridElements,
  type LatencyTarget,
  serviceDescription,
} from './low-latency.js';
import { element, isoDuration, isoTime } from './xml.js';

export interface DashManifest {
  readonly live: DashLive | null;
  /** Of the whole, where it is over: seconds. Required when not live. */
  readonly durationSec: number | null;
  /** The longest segment, seconds. */
  readonly maxSegmentSec: number;
  readonly periods: readonly DashPeriod[];
}

export interface DashLive {
  /** Wall clock of the presentation's zero, epoch ms. Never changes while the manifest is updated. */
  readonly availabilityStartTime: number;
  readonly publishTime: number;
  readonly minimumUpdateSec: number;
  /** Null: all since the beginning. */
  readonly timeShiftBufferSec: number | null;
  /** For players that follow no latency target. Null: what they choose themselves. */
  readonly presentationDelaySec: number | null;
  /** Absent: players are told of no segment before it is whole. */
  readonly latency?: LatencyTarget | null;
  /** Where a client asks for the time (urn:mpeg:dash:utc:http-iso:2014). */
  readonly clockUri: string;
}

export interface DashPeriod {
  readonly id: string;
  readonly startSec: number;
  /** Absent: up to the next period, or the end. */
  readonly durationSec?: number | null;
  /** With it the tracks' segments are not listed. */
  readonly grid?: DashGrid | null;
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
  /** In order; numbered without a hole from `startNumber`, unless the period has a grid; ticks. */
  readonly segments: readonly TimedSegments[];
}

/** A segment, or `count` of the same length that follow one another. */
interface TimedSegments {
  readonly start: number;
  readonly duration: number;
  readonly count?: number;
}

const PROFILE = 'urn:mpeg:dash:profile:isoff-live:2011';
const LOW_LATENCY_PROFILE = 'http://www.dashif.org/guidelines/low-latency-live-v5';
/** The most that players are asked to have before they begin, seconds; with low latency less than a second, of which ffmpeg counts each as a segment. */
const MIN_BUFFER_SEC = 2;
const LOW_LATENCY_BUFFER_SEC = 0.9;
const CHANNEL_SCHEME = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011';

/** Writes an MPD (ISO/IEC 23009-1 §5): dynamic with `live`, static without. */
export function writeManifest(manifest: DashManifest): string {
  const { live, durationSec, maxSegmentSec, periods } = manifest;
  const latency = live?.latency ?? null;
  const attributes = {
    xmlns: 'urn:mpeg:dash:schema:mpd:2011',
    profiles: latency === null ? PROFILE : `${PROFILE},${LOW_LATENCY_PROFILE}`,
    type: live === null ? 'static' : 'dynamic',
    ...(live === null ? {} : liveAttributes(live)),
    mediaPresentationDuration: durationSec === null ? undefined : isoDuration(durationSec),
    maxSegmentDuration: isoDuration(maxSegmentSec),
    minBufferTime: isoDuration(Math.min(maxSegmentSec, latency === null ? MIN_BUFFER_SEC : LOW_LATENCY_BUFFER_SEC)),
  };
  const clock = live === null ? [] : [utcTiming(live.clockUri)];
  const service = latency === null ? [] : [serviceDescription(latency)];
  const written = periods.map((period) => writePeriod(period, clock));
  const mpd = element('MPD', attributes, [...service, ...written, ...clock]);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${mpd}\n`;
}

function utcTiming(value: string): string {
  return element('UTCTiming', { schemeIdUri: 'urn:mpeg:dash:utc:http-iso:2014', value });
}

function liveAttributes(live: DashLive) {
  return {
    availabilityStartTime: isoTime(live.availabilityStartTime),
    publishTime: isoTime(live.publishTime),
    minimumUpdatePeriod: isoDuration(live.minimumUpdateSec),
    timeShiftBufferDepth: live.timeShiftBufferSec === null ? undefined : isoDuration(live.timeShiftBufferSec),
    suggestedPresentationDelay: live.presentationDelaySec === null ? undefined : isoDuration(live.presentationDelaySec),
  };
}

function writePeriod(period: DashPeriod, clock: readonly string[]): string {
  const { id, startSec, durationSec = null, tracks, events } = period;
  // Players change between the tracks of one set only, and from one codec to another not at all (ISO/IEC 23009-1 §5.3.3.1).
  const codecOf = ({ codecs }: DashTrack) => codecs.split('.')[0];
  const sets = (['video', 'audio'] as const)
    .flatMap((kind) => {
      const own = tracks.filter((track) => track.kind === kind);
      return [...new Set(own.map(codecOf))].map((codec) => ({ kind, tracks: own.filter((t) => codecOf(t) === codec) }));
    })
    .map((set, index) => writeSet(index, set, period, clock));
  const told = events === undefined ? [] : eventStreams(events);
  const duration = durationSec === null ? undefined : isoDuration(durationSec);
  return element('Period', { id, start: isoDuration(startSec), duration }, [...told, ...sets]);
}

interface TrackSet {
  readonly kind: 'video' | 'audio';
  readonly tracks: readonly DashTrack[];
}

function writeSet(
  index: number,
  { kind, tracks }: TrackSet,
  { captions = null, grid = null }: DashPeriod,
  clock: readonly string[],
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
  const [first] = tracks;
  const [clockElement] = clock;
  const live = grid !== null && first !== undefined && clockElement !== undefined;
  const timed = live ? gridElements(kind, index, grid, gridOffset(first), clockElement) : [];
  const written = tracks.map((track) => writeTrack(track, grid));
  return element('AdaptationSet', attributes, [...timed, ...captioned, ...written]);
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

function writeTrack(track: DashTrack, grid: DashGrid | null): string {
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
  return element('Representation', attributes, [...channels, writeTemplate(track, grid)]);
}

/** A whole number or a ratio (§5.3.7.2): 29.97 is 30000/1001. */
function frameRateOf(rate: number): string {
  if (Number.isInteger(rate)) return String(rate);
  const ntsc = Math.round(rate * 1.001);
  return Math.abs((ntsc * 1000) / 1001 - rate) < 0.01 ? `${ntsc * 1000}/1001` : `${Math.round(rate * 1000)}/1000`;
}

function writeTemplate(track: DashTrack, grid: DashGrid | null): string {
  const { startNumber, initUri: initialization, mediaUri: media } = track;
  const named = { startNumber, initialization, media };
  if (grid !== null) return element('SegmentTemplate', { ...gridAttributes(grid, gridOffset(track)), ...named });
  const { timescale, presentationTimeOffset } = track;
  const timeline = element('SegmentTimeline', {}, writeTimeline(track.segments));
  return element('SegmentTemplate', { timescale, presentationTimeOffset, ...named }, [timeline]);
}

function gridOffset({ presentationTimeOffset, timescale }: DashTrack): number {
  return Math.round((presentationTimeOffset / timescale) * GRID_TIMESCALE);
}

/** §5.3.9.6: `t` where a segment does not follow the one before it, `r` for repeats. */
function writeTimeline(segments: DashTrack['segments']): string[] {
  const runs: { t: number | undefined; d: number; r: number }[] = [];
  let expected: number | null = null;
  for (const { start, duration, count = 1 } of segments) {
    const last = runs.at(-1);
    if (last !== undefined && start === expected && last.d === duration) last.r += count;
    else runs.push({ t: start === expected ? undefined : start, d: duration, r: count - 1 });
    expected = start + count * duration;
  }
  // A day has tens of thousands of them: put together by hand.
  return runs.map(({ t, d, r }) => `<S${t === undefined ? '' : ` t="${t}"`} d="${d}"${r === 0 ? '' : ` r="${r}"`}/>`);
}
