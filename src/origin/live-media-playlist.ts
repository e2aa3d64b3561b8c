import { mediaPath } from '../media/media-path.js';
import type { PlaylistPart, RenditionReport } from './hls/low-latency-tags.js';
import { type LowLatency, type PlaylistEdge, type PlaylistSegment, writeMediaPlaylist } from './hls/media-playlist.js';
import { programDateTime } from './hls/program-date-time.js';
import { lastPosition, nextPart } from './live-position.js';
import {
  initName,
  type LiveRun,
  type LiveSegment,
  partName,
  type SegmentPart,
  segmentName,
  wallClockOf,
} from './live-segment.js';
import type { LiveWindow } from './live-window.js';
import type { RenditionWindow } from './rendition-window.js';
import { datedRanges, toldSpans } from './told-spans.js';

/** Behind the newest two segments nobody plays by parts: a player is that far back only when it has fallen behind. */
const SEGMENTS_WITH_PARTS = 2;

/**
 * The media playlist of a rendition, or null while it has no segment.
 *
 * @param now epoch ms.
 * @param skip a delta update, where anything can be skipped.
 */
export function liveMediaPlaylist(window: LiveWindow, id: string, now: number, skip = false): string | null {
  const rendition = window.rendition(id);
  const segments = rendition?.listed ?? [];
  const [first] = segments;
  if (rendition === null || first === undefined) return null;
  const partTargetSec = partTarget(window);
  const withParts = partTargetSec === null ? segments.length : firstWithParts(window, rendition);
  return writeMediaPlaylist({
    mediaSequence: first.number,
    targetDurationSec: longestSegmentSec(window),
    type: 'window',
    ended: window.closed(now),
    dateRanges: datedRanges(toldSpans(segments), (broadcastId) => window.timedEvents(broadcastId)),
    segments: segments.map((segment, index) => listedSegment(segment, headerRun(segments, index), index >= withParts)),
    lowLatency: partTargetSec === null ? null : lowLatency(window, rendition, partTargetSec),
    skip,
  });
}

/** How a playlist ends that lists what the window does, from segment `from` on; null where segments come whole. */
export function liveEdgeOf(window: LiveWindow, id: string): (PlaylistEdge & { readonly from: number }) | null {
  const rendition = window.rendition(id);
  const partTargetSec = partTarget(window);
  const newest = rendition?.newest ?? null;
  if (rendition === null || newest === null || partTargetSec === null) return null;
  const { listed } = rendition;
  const withParts = firstWithParts(window, rendition);
  const segments = listed
    .map((segment, index) => listedSegment(segment, headerRun(listed, index), true))
    .slice(withParts);
  const from = newest.number + 1 - segments.length;
  return { from, segments, lowLatency: lowLatency(window, rendition, partTargetSec) };
}

/** Whole seconds that no listed segment exceeds once rounded, whichever run it came from. */
export function longestSegmentSec({ runs }: Pick<LiveWindow, 'runs'>): number {
  return Math.max(...runs.map(({ segmentSec }) => Math.ceil(segmentSec)));
}

/** The length that no part exceeds, whichever run it came from; null where the newest run has none. */
export function partTarget({ runs }: Pick<LiveWindow, 'runs'>): number | null {
  const newest = runs.at(-1)?.partSec ?? null;
  return newest === null ? null : Math.max(...runs.map(({ partSec }) => partSec ?? 0));
}

/** §6.2.2: parts leave the list when they are three target durations from its end. The index of the first segment that keeps them. */
function firstWithParts(window: LiveWindow, { listed, open }: RenditionWindow): number {
  const within = 3 * longestSegmentSec(window);
  let behindSec = open === null ? 0 : open.duration / open.timescale;
  for (let index = listed.length - 1; index >= 0; index -= 1) {
    const segment = listed[index];
    behindSec += segment === undefined ? 0 : segment.duration / segment.timescale;
    if (behindSec > within || index < listed.length - SEGMENTS_WITH_PARTS) return index + 1;
  }
  return 0;
}

/** The run whose header is named: a gap may lie in one in which the rendition never had any. */
function headerRun(segments: readonly LiveSegment[], index: number): LiveRun | undefined {
  const withHeader = ({ run, rendition }: LiveSegment) => run.inits.has(rendition);
  return (segments.slice(0, index + 1).findLast(withHeader) ?? segments.slice(index).find(withHeader))?.run;
}

function listedSegment(segment: LiveSegment, header: LiveRun = segment.run, withParts = false): PlaylistSegment {
  const { run, rendition, number, duration, timescale, gap, parts } = segment;
  return {
    ...headOf(segment, header),
    uri: mediaPath(run.broadcastId, rendition, segmentName(number)),
    durationSec: duration / timescale,
    gap,
    parts: withParts ? parts.map((part) => listedPart(segment, part)) : [],
  };
}

type Head = Pick<LiveSegment, 'run' | 'rendition' | 'number' | 'start' | 'timescale'>;

function headOf(segment: Head, header: LiveRun = segment.run) {
  const { run, rendition } = segment;
  return {
    initUri: mediaPath(header.broadcastId, rendition, initName(header.run)),
    discontinuity: run.place?.discontinuity ?? 0,
    programDateTime: dateOf(segment),
  };
}

/** For EXT-X-PROGRAM-DATE-TIME. */
export function dateOf(segment: Head): number {
  const rendition = segment.run.renditions.find(({ id }) => id === segment.rendition);
  return programDateTime(wallClockOf(segment), rendition?.kind ?? 'video');
}

function listedPart({ run, rendition, number, timescale }: Head, part: SegmentPart): PlaylistPart {
  return {
    uri: mediaPath(run.broadcastId, rendition, partName(number, part.index)),
    durationSec: part.duration / timescale,
    independent: part.independent,
  };
}

function lowLatency(window: LiveWindow, rendition: RenditionWindow, partTargetSec: number): LowLatency {
  const { open } = rendition;
  return {
    partTargetSec,
    open: open && { ...headOf(open), parts: open.parts.map((part) => listedPart(open, part)) },
    // Of what was cut off nothing more comes.
    hintUri: window.endedAt === null ? hintUri(rendition, window.runs.at(-1) ?? null) : null,
    reports: window.renditions.filter((other) => other !== rendition).flatMap(reportOf),
  };
}

/** The next part is the newest run's: the names of other runs' are of the same form unless their broadcast was another. */
function hintUri(rendition: RenditionWindow, newest: LiveRun | null): string | null {
  const next = nextPart(rendition);
  if (next === null || newest === null) return null;
  return mediaPath(newest.broadcastId, rendition.id, partName(next.number, next.part));
}

/** A rendition's playlist lies beside this one's. */
function reportOf(rendition: RenditionWindow): RenditionReport[] {
  const last = lastPosition(rendition);
  if (last === null || rendition.newest === null) return [];
  return [{ uri: `${rendition.id}.m3u8`, lastNumber: last.number, lastPart: last.part ?? null }];
}
