import { CLOCK_PATH, mediaPath } from '../../media/media-path.js';
import { type DashPeriod, type DashTrack, writeManifest } from '../dash/manifest.js';
import { initName } from '../live-segment.js';
import type { RecordedTrack } from './broadcast-index.js';
import { recordedCaptions } from './recorded-events.js';
import { describingRun, streamRate } from './recorded-hls.js';
import { isWhole, leadingTrack, type RecordedSpan, type RecordedView } from './recorded-span.js';
import type { EvenRows } from './segment-columns.js';

export interface DashTiming {
  /** Wall clock of the presentation's zero while it is live, epoch ms. */
  readonly zeroOfTime: number;
  readonly publishTime: number;
  /** How far back one may go; null: to the beginning. */
  readonly timeShiftBufferSec: number | null;
}

interface ListedTrack {
  readonly track: RecordedTrack;
  readonly rows: readonly EvenRows[];
}

/** Numbers from `edge` on, as far as they are listed, in which each track's segments follow one another until they stop. */
interface Stretch {
  readonly span: RecordedSpan;
  readonly edge: number;
  readonly tracks: readonly ListedTrack[];
  /** Where it begins and how long it is on the run's own timeline, seconds. */
  readonly startSec: number;
  readonly durationSec: number;
  /** From where on it is listed: behind its beginning where that has left. */
  readonly listedSec: number;
}

/**
 * The MPD: while it is live its periods stand where the wall clock has them; once it is over they follow one another without
 * the pauses between. Null while there is nothing to play.
 */
export function recordedDashManifest(view: RecordedView, timing: DashTiming): string | null {
  const newest = describingRun(view);
  const stretches = stretchesOf(view);
  if (newest === null || stretches.length === 0) return null;
  const live = view.state === 'live';
  const { zeroOfTime, publishTime, timeShiftBufferSec } = timing;
  const { segmentSec } = newest;
  const dynamic = {
    ...{ availabilityStartTime: zeroOfTime, publishTime, timeShiftBufferSec, clockUri: CLOCK_PATH },
    ...{ minimumUpdateSec: segmentSec, presentationDelaySec: 3 * segmentSec },
  };
  const longest = view.spans.map(({ index, run }) => Math.max(run.segmentSec, index.longestSec));
  return writeManifest({
    live: live ? dynamic : null,
    durationSec: live ? null : secondsOf(stretches),
    maxSegmentSec: Math.max(...longest),
    periods: live
      ? stretches.map((each, at) => periodOf(view, each, clockSec(each, zeroOfTime), stretches[at + 1] ?? null))
      : inSuccession(view, stretches),
  });
}

/** How long all of it plays, seconds, without the pauses. */
export function playingSec(view: Pick<RecordedView, 'spans' | 'state'>): number {
  return secondsOf(stretchesOf(view));
}

function secondsOf(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { durationSec }) => sum + durationSec, 0);
}

function clockSec({ span, startSec }: Stretch, zeroOfTime: number): number {
  return (span.run.startedAt - zeroOfTime) / 1000 + startSec;
}

function inSuccession(view: RecordedView, stretches: readonly Stretch[]): DashPeriod[] {
  let at = 0;
  return stretches.map((stretch) => {
    const period = periodOf(view, stretch, at, null);
    at += stretch.durationSec;
    return period;
  });
}

/** One for each run; and behind each gap of any of its renditions another one, since `$Number$` counts on where times do not. */
function stretchesOf({ spans, state }: Pick<RecordedView, 'spans' | 'state'>): Stretch[] {
  // A run appears once all its renditions have, so that no period ever gains a track.
  const shown = spans.filter((span, at) => state !== 'live' || at < spans.length - 1 || isWhole(span.run));
  return shown.flatMap((span) => {
    const { place, resumptions } = span.run;
    const edges = [{ number: place.firstNumber, startSec: place.zeroMs / 1000 }, ...resumptions];
    return edges.flatMap((edge, at) => {
      const end = Math.min(edges[at + 1]?.number ?? span.end, span.end);
      const stretch = edge.number < end ? stretchOf(span, edge.number, end) : null;
      if (stretch === null) return [];
      // What leaves at its front does not move the start of a period (ISO/IEC 23009-1 §5.3.2.1).
      return state === 'live' ? { ...stretch, startSec: edge.startSec } : stretch;
    });
  });
}

function stretchOf(span: RecordedSpan, edge: number, end: number): Stretch | null {
  const { run } = span;
  const first = Math.max(edge, span.first);
  const tracks = run.renditions.flatMap(({ id }) => run.tracks.get(id) ?? []);
  const listedTracks = tracks.map((track) => ({ track, rows: track.segments.evenRows(first, end) }));
  const extents = listedTracks.flatMap(({ track, rows }) => {
    const [head, last] = [rows[0], rows.at(-1)];
    if (head === undefined || last === undefined) return [];
    const seconds = (ticks: number) => ticks / track.facts.timescale - run.timelineOffsetSec;
    return [{ track, from: seconds(head.start), to: seconds(last.start + last.count * last.duration) }];
  });
  if (extents.length === 0) return null;
  const leading = extents.find(({ track }) => track === leadingTrack(run));
  const startSec = Math.max(0, leading?.from ?? Math.min(...extents.map(({ from }) => from)));
  const durationSec = Math.max(...extents.map(({ to }) => to)) - startSec;
  return { span, edge, tracks: listedTracks, startSec, durationSec, listedSec: startSec };
}

function periodOf(view: RecordedView, stretch: Stretch, startSec: number, next: Stretch | null): DashPeriod {
  const { span, edge } = stretch;
  const { index, run } = span;
  const tracks = stretch.tracks.flatMap((listedTrack) => trackOf(stretch, listedTrack) ?? []);
  const captions = recordedCaptions(view, run);
  const events = view.eventsOf(index.broadcastId)?.eventsWithin(...toldWithin(view, stretch, next)) ?? [];
  return {
    ...{ id: `${index.broadcastId}-${run.run}-${edge}`, startSec, tracks },
    captions: captions === 'none' ? null : captions,
    ...(events.length === 0
      ? {}
      : { events: { broadcastId: index.broadcastId, periodStartMs: stretch.startSec * 1000, events } }),
  };
}

/** On the broadcast's timeline, ms: while it is live, to where the next period begins, and at the end to all that lies ahead. */
function toldWithin({ state }: RecordedView, stretch: Stretch, next: Stretch | null): [fromMs: number, toMs: number] {
  const { listedSec, durationSec, span } = stretch;
  if (state !== 'live') return [listedSec * 1000, (listedSec + durationSec) * 1000];
  if (next === null) return [listedSec * 1000, Number.POSITIVE_INFINITY];
  return [listedSec * 1000, next.span.run.startedAt - span.run.startedAt + next.startSec * 1000];
}

function trackOf({ span, startSec }: Stretch, { track, rows: segments }: ListedTrack): DashTrack | null {
  const { rendition, facts } = track;
  const [head] = segments;
  if (head === undefined) return null;
  const { index, run } = span;
  return {
    id: rendition.id,
    kind: rendition.kind,
    codecs: facts.codecs,
    bandwidth: streamRate(track).bandwidth,
    ...(rendition.kind === 'video'
      ? { width: facts.width, height: facts.height, frameRate: rendition.frameRate }
      : { sampleRate: facts.sampleRate, channels: rendition.channels }),
    timescale: facts.timescale,
    presentationTimeOffset: Math.round((startSec + run.timelineOffsetSec) * facts.timescale),
    startNumber: head.number,
    initUri: mediaPath(index.broadcastId, rendition.id, initName(run.run)),
    mediaUri: mediaPath(index.broadcastId, rendition.id, '$Number$.m4s'),
    segments,
  };
}
