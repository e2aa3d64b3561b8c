import { CLOCK_PATH, livePath, mediaPath } from '../media/media-path.js';
import type { Rendition } from '../media/rendition.js';
import type { DashEvents } from './dash/event-stream.js';
import { type DashPeriod, type DashTrack, writeManifest } from './dash/manifest.js';
import { type AudioStream, type VideoStream, writeMultivariantPlaylist } from './hls/multivariant-playlist.js';
import { longestSegmentSec } from './live-media-playlist.js';
import { initName, type LiveRun, type RunPlace, wallClockOf } from './live-segment.js';
import type { LiveWindow } from './live-window.js';
import type { RenditionWindow } from './rendition-window.js';
import type { TimedEvents } from './timed-events.js';

/** The multivariant playlist; null until one run has a segment of every rendition announced. */
export function liveMultivariantPlaylist(window: LiveWindow, now: number): string | null {
  const run = newestCompleteRun(window);
  if (run === null) return null;
  const video: VideoStream[] = [];
  let audio: AudioStream | null = null;
  for (const rendition of run.renditions) {
    const init = run.inits.get(rendition.id);
    if (init === undefined) return null;
    const uri = livePath.hlsRendition(window.channel, rendition.id);
    const common = { uri, codecs: init.codecs, ...streamRate(window.rendition(rendition.id), rendition) };
    if (rendition.kind === 'audio') audio = { ...common, channels: rendition.channels };
    else {
      const { width, height } = init;
      video.push({ ...common, width, height, frameRate: rendition.frameRate, iframesUri: null });
    }
  }
  // Whether captions never come is known only when all is over.
  const captions = window.timedEvents(run.broadcastId)?.captions ?? (window.closed(now) ? 'none' : null);
  return writeMultivariantPlaylist({ video, audio, captions });
}

/** The MPD: dynamic while the broadcast runs, static once it is over for good. Null as long as the multivariant playlist is. */
export function liveDashManifest(window: LiveWindow, now: number): string | null {
  const newest = newestCompleteRun(window);
  const oldest = window.runs.find((run) => run.place !== null);
  if (newest === null || oldest === undefined) return null;
  const { zeroOfTime } = window;
  const periods = livePeriods(window, zeroOfTime);
  const { segmentSec } = newest;
  const listed = Math.max(...window.renditions.map((rendition) => rendition.listed.length));
  const live = {
    availabilityStartTime: zeroOfTime,
    publishTime: window.lastSegmentAt ?? now,
    minimumUpdateSec: segmentSec,
    timeShiftBufferSec: listed * segmentSec,
    presentationDelaySec: 3 * segmentSec,
    clockUri: CLOCK_PATH,
  };
  const ended = window.closed(now);
  return writeManifest({
    live: ended ? null : live,
    durationSec: ended ? endOfMedia(window, zeroOfTime) : null,
    maxSegmentSec: longestSegmentSec(window),
    periods,
  });
}

/** Whether every rendition of some run in the window can be played. */
export function isShown(window: LiveWindow): boolean {
  return newestCompleteRun(window) !== null;
}

/** The newest run of which every rendition has something listed; manifests describe its renditions. */
export function newestCompleteRun(window: LiveWindow): LiveRun | null {
  return window.runs.findLast((run) => isComplete(window, run)) ?? null;
}

function isComplete(window: LiveWindow, run: LiveRun): boolean {
  return run.renditions.every(
    ({ id }) => window.rendition(id)?.listed.some((segment) => segment.run === run && !segment.gap) ?? false,
  );
}

/** What the encoder may spend at most, or what it did spend where that is more. */
export function streamRate(window: RenditionWindow | null, rendition: Rendition) {
  const measured = window?.rate ?? null;
  const ceiling = rendition.kind === 'video' ? rendition.maxBitrate : rendition.bitrate;
  const averageBandwidth = measured?.average ?? rendition.bitrate;
  return { bandwidth: Math.max(ceiling, measured?.peak ?? 0), averageBandwidth };
}

function endOfMedia(window: LiveWindow, zeroOfTime: number): number {
  const ends = window.renditions.map(({ newest }) => {
    if (newest === null) return 0;
    return (wallClockOf(newest) - zeroOfTime) / 1000 + newest.duration / newest.timescale;
  });
  return Math.max(...ends);
}

interface PeriodSpan {
  readonly run: LiveRun;
  readonly place: RunPlace;
  /** Numbers from here up to the next span. */
  readonly first: number;
  /** Milliseconds of the run's timeline at which the period starts. */
  readonly startMs: number;
}

/**
 * One period for each run; and where a rendition has a gap within its run, another one behind it, since `$Number$` counts
 * on where the timeline does not.
 */
function livePeriods(window: LiveWindow, zeroOfTime: number): DashPeriod[] {
  const spans = window.runs.flatMap((run) => spansOf(window, run));
  return spans.flatMap((span, index) => {
    const last = (spans[index + 1]?.first ?? Number.POSITIVE_INFINITY) - 1;
    const tracks = span.run.renditions.flatMap((rendition) => trackOf(window, span, last, rendition) ?? []);
    if (tracks.length === 0) return [];
    const startSec = (span.run.startedAt - zeroOfTime + span.startMs) / 1000;
    const id = `${span.run.broadcastId}-${span.run.run}-${span.first}`;
    const told = window.timedEvents(span.run.broadcastId);
    if (told === null) return [{ id, startSec, tracks }];
    const events = eventsOf(told, span, tracks, spans[index + 1] ?? null);
    return [{ id, startSec, tracks, captions: told.captions, ...(events === null ? {} : { events }) }];
  });
}

/** From where the period's media is listed to where the next period begins; the last one has what is told of the future too. */
function eventsOf(
  told: TimedEvents,
  { run, startMs }: PeriodSpan,
  tracks: readonly DashTrack[],
  next: PeriodSpan | null,
): DashEvents | null {
  const starts = tracks.map(({ segments, timescale, presentationTimeOffset }) => {
    return startMs + (((segments[0]?.start ?? 0) - presentationTimeOffset) / timescale) * 1000;
  });
  const fromMs = Math.min(...starts);
  const toMs = next === null ? Number.POSITIVE_INFINITY : next.run.startedAt - run.startedAt + next.startMs;
  const events = told.eventsWithin(fromMs, toMs);
  return events.length === 0 ? null : { broadcastId: run.broadcastId, periodStartMs: startMs, events };
}

function spansOf(window: LiveWindow, run: LiveRun): PeriodSpan[] {
  const { place } = run;
  if (place === null || !isListed(window, run)) return [];
  const starts = [{ run, place, first: place.firstNumber, startMs: place.zeroMs }];
  const gaps = window.renditions.flatMap((rendition) => rendition.known.filter((each) => each.gap && each.run === run));
  for (const number of [...new Set(gaps.map((gap) => gap.number + 1))].sort((a, b) => a - b)) {
    starts.push({ run, place, first: number, startMs: startOf(window, run, place, number) });
  }
  return starts;
}

/** Where a number begins on the run's timeline, ms: as another rendition has it, else as the grid says. */
function startOf(window: LiveWindow, run: LiveRun, place: RunPlace, number: number): number {
  const known = window.renditions.flatMap((rendition) => rendition.known);
  const other = known.find((each) => each.run === run && each.number === number && !each.gap);
  if (other === undefined) return (number - place.base) * run.segmentSec * 1000;
  return (other.start / other.timescale - run.timelineOffsetSec) * 1000;
}

/** A run appears once each of its renditions has a segment, so that no period ever gains a track. */
function isListed(window: LiveWindow, run: LiveRun): boolean {
  const known = (id: string) => window.rendition(id)?.known.some((segment) => segment.run === run) ?? false;
  return run === window.runs.at(-1) ? isComplete(window, run) : run.renditions.some(({ id }) => known(id));
}

function trackOf(window: LiveWindow, span: PeriodSpan, last: number, rendition: Rendition): DashTrack | null {
  const { run, first, startMs } = span;
  const listed = window.rendition(rendition.id)?.listed ?? [];
  const segments = listed.filter(
    (each) => each.run === run && each.number >= first && each.number <= last && !each.gap,
  );
  const init = run.inits.get(rendition.id);
  const [head] = segments;
  if (head === undefined || init === undefined) return null;
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
    startNumber: head.number,
    initUri: mediaPath(run.broadcastId, rendition.id, initName(run.run)),
    mediaUri: mediaPath(run.broadcastId, rendition.id, '$Number$.m4s'),
    segments,
  };
}
