import { CLOCK_PATH, mediaPath } from '../media/media-path.js';
import type { Rendition } from '../media/rendition.js';
import type { DashEvents } from './dash/event-stream.js';
import type { DashGrid, LatencyTarget } from './dash/low-latency.js';
import { type DashLive, type DashPeriod, type DashTrack, writeManifest } from './dash/manifest.js';
import { streamRate } from './live-manifests.js';
import { type DashPhase, isFollowed, type PeriodSpan, periodSpans } from './live-periods.js';
import { initName, type LiveRun, type LiveSegment, wallClockOf } from './live-segment.js';
import type { LiveWindow } from './live-window.js';
import type { TimedEvents } from './timed-events.js';

/** What players hold: as many parts as PART-HOLD-BACK has in low-latency HLS. */
const TARGET_PARTS = 3;
const MIN_PARTS = 2;
/** A player that falls this many segments behind its target has to jump. */
const MAX_SEGMENTS = 2;
/** The lag is told in steps, so that it does not change with every segment. */
const LAG_STEP_SEC = 0.1;
/** Segments can be asked for at least this long before their end, however late they are: else players hold them for whole. */
const OFFSET_SEC_MIN = 0.1;
/**
 * How many update periods a presentation that was followed stays dynamic behind its end: by then all who follow it know. No longer:
 * there are players (ffmpeg) that find no end in a dynamic one.
 */
const ENDING_UPDATES = 3;

/** Of the MPD; it depends on nothing but the window and this. `now` in epoch ms. */
export function dashPhase(window: LiveWindow, now: number): DashPhase {
  if (!window.closed(now)) return 'live';
  const newest = window.runs.at(-1);
  if (newest === undefined || window.endedAt === null || !isFollowed(newest)) return 'over';
  return now < window.endedAt + ENDING_UPDATES * newest.segmentSec * 1000 ? 'ending' : 'over';
}

/**
 * The MPD: dynamic while the broadcast runs, static once it is over for good; null before one run has begun in all renditions.
 * Between the two it is dynamic and says where its end is: a player that follows a grid holds segments for certain which then never
 * come, and one that was told of the end before the times change their kind (shaka) gets over them.
 *
 * Times of the presentation are the media's own: there are players (ffmpeg) that reckon the number of a segment which is not
 * listed from `presentationTimeOffset` as if it counted from `availabilityStartTime`.
 */
export function liveDashManifest(window: LiveWindow, now: number): string | null {
  const newest = window.runs.findLast((run) => hasBegun(window, run)) ?? null;
  if (newest === null || newest.place === null) return null;
  const phase = dashPhase(window, now);
  const shown = { window, zeroMs: window.zeroOfTime - newest.timelineOffsetSec * 1000 };
  const spans = periodSpans(window, phase).filter((span) => isListed(window, span, newest));
  const periods = spans.flatMap((span, index) => periodOf(shown, span, spans[index + 1] ?? null) ?? []);
  return writeManifest({
    live: phase === 'over' ? null : liveFacts(shown, newest, now),
    durationSec: durationOf(shown, phase, periods),
    maxSegmentSec: Math.max(newest.segmentSec, ...window.renditions.flatMap(({ listed }) => listed.map(secondsOf))),
    periods,
  });
}

/** Of the presentation, seconds; null while it goes on. */
function durationOf(shown: Presentation, phase: DashPhase, periods: readonly DashPeriod[]): number | null {
  if (phase === 'live') return null;
  const { startSec = 0, durationSec = null } = periods.at(-1) ?? {};
  return durationSec === null ? endOfMedia(shown) : startSec + durationSec;
}

function liveFacts({ window, zeroMs }: Presentation, newest: LiveRun, now: number): DashLive {
  const { segmentSec, partSec } = newest;
  const followed = isFollowed(newest) && partSec !== null;
  const listed = Math.max(1, ...window.renditions.map((rendition) => rendition.listed.length));
  return {
    availabilityStartTime: zeroMs,
    publishTime: window.lastSegmentAt ?? now,
    minimumUpdateSec: segmentSec,
    timeShiftBufferSec: listed * segmentSec,
    // It would hold back players of low latency too.
    presentationDelaySec: followed ? null : 3 * segmentSec,
    latency: followed ? latencyTarget(partSec, segmentSec, lagSec(window)) : null,
    clockUri: CLOCK_PATH,
  };
}

/** Each of its renditions has something that can be had. */
function hasBegun(window: LiveWindow, run: LiveRun): boolean {
  return run.renditions.every(({ id }) => {
    const rendition = window.rendition(id);
    const isOpen = isFollowed(run) && rendition?.open?.run === run;
    return isOpen || (rendition?.listed.some((segment) => segment.run === run && !segment.gap) ?? false);
  });
}

/** A run appears once all of it has begun, so that no period ever gains a track; and goes when nothing of it is listed. */
function isListed(window: LiveWindow, span: PeriodSpan, newest: LiveRun): boolean {
  const { run, first, end, gridSec } = span;
  if (first >= end || window.runs.indexOf(run) > window.runs.indexOf(newest)) return false;
  if (gridSec === null) return run.renditions.some(({ id }) => listedWithin(window, span, id).length > 0);
  const oldest = window.renditions.flatMap(({ listed }) => listed[0]?.number ?? []);
  return oldest.length === 0 || end > Math.min(...oldest);
}

function listedWithin(window: LiveWindow, { run, first, end }: PeriodSpan, id: string): LiveSegment[] {
  const listed = window.rendition(id)?.listed ?? [];
  return listed.filter((each) => each.run === run && each.number >= first && each.number < end && !each.gap);
}

function latencyTarget(partSec: number, segmentSec: number, lag: number): LatencyTarget {
  const targetSec = TARGET_PARTS * partSec + lag;
  return { targetSec, minSec: MIN_PARTS * partSec + lag, maxSec: targetSec + MAX_SEGMENTS * segmentSec };
}

function lagSec({ lagMs }: LiveWindow): number {
  return Math.ceil(lagMs / 1000 / LAG_STEP_SEC) * LAG_STEP_SEC;
}

/** Seconds of the presentation. */
function endOfMedia({ window, zeroMs }: Presentation): number {
  const ends = window.renditions.map(({ newest }) => {
    return newest === null ? 0 : (wallClockOf(newest) - zeroMs) / 1000 + secondsOf(newest);
  });
  return Math.max(...ends);
}

function secondsOf({ duration, timescale }: LiveSegment): number {
  return duration / timescale;
}

interface Presentation {
  readonly window: LiveWindow;
  /** Wall clock of its zero, epoch ms. */
  readonly zeroMs: number;
}

function periodOf({ window, zeroMs }: Presentation, span: PeriodSpan, next: PeriodSpan | null): DashPeriod | null {
  const { run, first, startMs, endMs, gridSec } = span;
  const tracks = run.renditions.flatMap((rendition) => trackOf(window, span, rendition) ?? []);
  if (tracks.length === 0) return null;
  const told = window.timedEvents(run.broadcastId);
  const events = told === null ? null : eventsOf(told, span, tracks, next);
  // Players take what they know of a period for the same kind of thing for good.
  const kind = gridSec === null ? '' : '-grid';
  return {
    id: `${run.broadcastId}-${run.run}-${first}${kind}`,
    startSec: (run.startedAt - zeroMs + startMs) / 1000,
    durationSec: endMs === null ? null : (endMs - startMs) / 1000,
    grid: gridOf(window, span),
    tracks,
    captions: told?.captions ?? null,
    ...(events === null ? {} : { events }),
  };
}

function gridOf(window: LiveWindow, { run, startMs, gridSec }: PeriodSpan): DashGrid | null {
  const { partSec, segmentSec, startedAt } = run;
  if (gridSec === null || partSec === null) return null;
  // The same in all periods: players take the least of them for all.
  const availabilityOffsetSec = Math.max(OFFSET_SEC_MIN, segmentSec - partSec - lagSec(window));
  return { segmentSec: gridSec, partSec, availabilityOffsetSec, wallClockMs: startedAt + startMs };
}

/** From where the period's media is listed to where the next period begins; the last one has what is told of the future too. */
function eventsOf(
  told: TimedEvents,
  { run, startMs }: PeriodSpan,
  tracks: readonly DashTrack[],
  next: PeriodSpan | null,
): DashEvents | null {
  const starts = tracks.map(({ segments: [head], timescale, presentationTimeOffset }) => {
    return head === undefined ? startMs : startMs + ((head.start - presentationTimeOffset) / timescale) * 1000;
  });
  const toMs = next === null ? Number.POSITIVE_INFINITY : next.run.startedAt - run.startedAt + next.startMs;
  const events = told.eventsWithin(Math.min(...starts), toMs);
  return events.length === 0 ? null : { broadcastId: run.broadcastId, periodStartMs: startMs, events };
}

function trackOf(window: LiveWindow, span: PeriodSpan, rendition: Rendition): DashTrack | null {
  const { run, first, startMs, gridSec } = span;
  const segments = listedWithin(window, span, rendition.id);
  const init = run.inits.get(rendition.id);
  const startNumber = gridSec === null ? segments[0]?.number : first;
  if (startNumber === undefined || init === undefined) return null;
  const { codecs, timescale } = init;
  return {
    id: rendition.id,
    kind: rendition.kind,
    codecs,
    bandwidth: streamRate(window.rendition(rendition.id), rendition).bandwidth,
    ...(rendition.kind === 'video'
      ? { width: init.width, height: init.height, frameRate: rendition.frameRate }
      : { sampleRate: init.sampleRate, channels: rendition.channels }),
    timescale,
    presentationTimeOffset: Math.round((startMs / 1000 + run.timelineOffsetSec) * timescale),
    startNumber,
    initUri: mediaPath(run.broadcastId, rendition.id, initName(run.run)),
    mediaUri: mediaPath(run.broadcastId, rendition.id, '$Number$.m4s'),
    segments,
  };
}
