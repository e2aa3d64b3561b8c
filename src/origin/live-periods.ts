import type { LiveRun, RunPlace } from './live-segment.js';
import type { LiveWindow } from './live-window.js';

/** A stretch of a run that is a period of its own in an MPD. */
export interface PeriodSpan {
  readonly run: LiveRun;
  /** Its name among the channel's for good: numbers from here on. */
  readonly first: number;
  /** Numbers up to here, exclusive, as far as it is known. */
  readonly end: number;
  /** Milliseconds of the run's timeline at which it starts. */
  readonly startMs: number;
  /** Where what it has ends, when that is before the next one begins. */
  readonly endMs: number | null;
  /** Its segments begin at even distances of so many seconds from its start. Null: where its timeline says. */
  readonly gridSec: number | null;
}

/** Where a presentation stands. `ending`: no more comes, and players that followed it are told where its end is. */
export type DashPhase = 'live' | 'ending' | 'over';

/** A run that begins so far behind a line, or less, is on it: players bear a gap of a few pictures at a period's start. */
const ON_LINE_MS = 50;

/**
 * Oldest first. A run has one, or more where a rendition has a gap, since `$Number$` counts on where the media does not.
 *
 * @param phase what is over is listed: nobody follows it, and players that know no window must not ask for what has left it.
 */
export function periodSpans(window: LiveWindow, phase: DashPhase): PeriodSpan[] {
  const spans = window.runs.flatMap((run) => {
    const isEnded = phase !== 'live' || run !== window.runs.at(-1);
    const overMs = isEnded && isFollowed(run) ? endOfRun(window, run) : null;
    return isFollowed(run) && phase !== 'over' ? gridSpans(window, run, overMs) : listedSpans(window, run, overMs);
  });
  return spans.map((span, index) => ({ ...span, end: Math.min(span.end, spans[index + 1]?.first ?? span.end) }));
}

/** Its segments can be had while they are made. */
export function isFollowed({ grid = false, partSec }: LiveRun): boolean {
  return grid && partSec !== null;
}

function listedSpans(window: LiveWindow, run: LiveRun, overMs: number | null): PeriodSpan[] {
  const { place } = run;
  if (place === null) return [];
  const resumed = window.resumptions(run).filter(({ number }) => number > place.firstNumber);
  const starts = [{ number: place.firstNumber, startMs: place.zeroMs }, ...resumed];
  return starts.map(({ number, startMs }, index) => {
    const endMs = index === starts.length - 1 && overMs !== null && overMs > startMs ? overMs : null;
    return { run, first: number, end: Number.POSITIVE_INFINITY, startMs, endMs, gridSec: null };
  });
}

/**
 * What a number means must be the same in every rendition here, and nothing can be left out: a span ends before a slot that
 * one of them lacks. A run that begins between two lines has a short first span, up to the next line.
 */
function gridSpans(window: LiveWindow, run: LiveRun, overMs: number | null): PeriodSpan[] {
  const { place, segmentSec } = run;
  if (place === null) return [];
  const { firstNumber, zeroMs } = place;
  const lineMs = (number: number) => lineOf(run, place, number);
  const gaps = gapsOf(window, run);
  const isShort = zeroMs - lineMs(firstNumber) > ON_LINE_MS;
  const resumed = window.resumptions(run).map(({ number }) => number);
  const later = [...(isShort ? [firstNumber + 1] : []), ...resumed.filter((number) => number > firstNumber)];
  const firsts = [...new Set([firstNumber, ...later])].sort((a, b) => a - b).filter((first) => !gaps.has(first));
  return firsts.map((first, index) => {
    const next = firsts[index + 1] ?? Number.POSITIVE_INFINITY;
    const gap = Math.min(...[...gaps].filter((number) => number > first && number < next));
    const isOnLine = first > firstNumber || !isShort;
    const startMs = isOnLine ? lineMs(first) : zeroMs;
    const ends = [Number.isFinite(gap) ? lineMs(gap) : null, Number.isFinite(next) ? null : overMs];
    const endMs = ends.find((end) => end !== null && end > startMs) ?? null;
    const gridSec = isOnLine ? segmentSec : (lineMs(first + 1) - startMs) / 1000;
    return { run, first, end: Math.min(gap, next), startMs, endMs, gridSec };
  });
}

function gapsOf(window: LiveWindow, run: LiveRun): Set<number> {
  const known = window.renditions.flatMap((rendition) => rendition.known);
  return new Set(known.filter((each) => each.gap && each.run === run).map((each) => each.number));
}

/**
 * Where the first of a run's renditions ends, on its timeline, whole ms and never behind it: there are players (shaka) that wait
 * for the last microsecond of it in each. No later than the last number that all of them have, since sound can end a little
 * behind a line and have no segment there. Null where one has nothing.
 */
function endOfRun(window: LiveWindow, run: LiveRun): number | null {
  const { place, renditions, timelineOffsetSec } = run;
  if (place === null) return null;
  const ends: number[] = [];
  for (const { id } of renditions) {
    const last = window.rendition(id)?.known.findLast((each) => each.run === run && !each.gap);
    if (last === undefined) return null;
    const endMs = ((last.start + last.duration) / last.timescale - timelineOffsetSec) * 1000;
    ends.push(endMs, lineOf(run, place, last.number + 1));
  }
  // Ticks as seconds are a little less than they are.
  return Math.floor(Math.min(...ends) + 1e-6);
}

/** Where the grid has the beginning of a number, on the run's timeline, ms. */
function lineOf({ segmentSec }: LiveRun, { base }: RunPlace, number: number): number {
  return Math.round((number - base) * segmentSec * 1000);
}
