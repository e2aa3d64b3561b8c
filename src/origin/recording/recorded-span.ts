import type { Rendition } from '../../media/rendition.js';
import type { EventsOf } from '../told-spans.js';
import type { BroadcastIndex, RecordedRun, RecordedTrack } from './broadcast-index.js';
import type { SegmentRow } from './segment-columns.js';

/** The numbers of one run that a playlist may list: `first` up to, but not with, `end`. */
export interface RecordedSpan {
  readonly index: BroadcastIndex;
  readonly run: RecordedRun;
  readonly first: number;
  readonly end: number;
}

export interface RecordedView {
  /** What is listed, oldest first. */
  readonly spans: readonly RecordedSpan[];
  /** Whether the broadcast's beginning is in it. */
  readonly whole: boolean;
  /** `live`: more may come. `ended`: it is a channel's, and over. `vod`: it is a video. */
  readonly state: 'live' | 'ended' | 'vod';
  /** What the source of a broadcast told beside its media. */
  readonly eventsOf: EventsOf;
}

/** All runs of some broadcasts that follow one another, from a number on. */
export function spansFrom(indexes: readonly BroadcastIndex[], firstNumber: number): RecordedSpan[] {
  const spans = indexes.flatMap((index) =>
    index.runs.map((run) => {
      const kept = [...run.tracks.values()].map(({ segments }) => segments.first);
      const first = Math.max(run.place.firstNumber, firstNumber, Math.min(...kept));
      return { index, run, first, end: index.endOf(run) };
    }),
  );
  return spans.filter(({ first, end }) => first < end);
}

/** The first number of which anything ends no earlier than `sinceMs` (epoch ms). */
export function firstNumberSince(indexes: readonly BroadcastIndex[], sinceMs: number): number {
  for (const { run, first, end } of spansFrom(indexes, 0)) {
    const track = leadingTrack(run);
    if (track === null) continue;
    const endsBefore = (number: number) => {
      const row = track.segments.at(Math.min(number, track.segments.next - 1));
      return row !== null && wallClock(run, track, row.start + row.duration) <= sinceMs;
    };
    if (endsBefore(end - 1)) continue;
    return bisect(first, end - 1, endsBefore);
  }
  return indexes.at(-1)?.nextNumber ?? 0;
}

/** The least number from `low` to `high` of which `before` is false, where it is true of all below that one. */
function bisect(low: number, high: number, before: (number: number) => boolean): number {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (before(middle)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Epoch ms of the newest segment's end; null where there is nothing. */
export function endOfRecording(indexes: readonly BroadcastIndex[]): number | null {
  const last = spansFrom(indexes, 0).at(-1);
  const track = last && leadingTrack(last.run);
  const row = track?.segments.at(track.segments.next - 1);
  return last && track && row ? wallClock(last.run, track, row.start + row.duration) : null;
}

/** Epoch ms of a time in ticks of a track. */
export function wallClock(run: RecordedRun, { facts }: RecordedTrack, ticks: number): number {
  return run.startedAt + (ticks / facts.timescale - run.timelineOffsetSec) * 1000;
}

/** The one by which a run is measured: a picture's where there is one. */
export function leadingTrack({ tracks, renditions }: RecordedRun): RecordedTrack | null {
  const present = renditions.flatMap(({ id }) => tracks.get(id) ?? []);
  return present.find(({ rendition }) => rendition.kind === 'video') ?? present[0] ?? null;
}

/** Every rendition of the run has begun. */
export function isWhole({ tracks, renditions }: RecordedRun): boolean {
  return renditions.every(({ id }) => tracks.has(id));
}

/** Where a run has no rendition of that name, the one most like it: a player then stays on its playlist. */
export function trackFor(run: RecordedRun, wanted: Rendition): RecordedTrack | null {
  const own = run.tracks.get(wanted.id);
  if (own !== undefined) return own;
  const alike = [...run.tracks.values()].filter(({ rendition }) => rendition.kind === wanted.kind);
  const distance = ({ rendition }: RecordedTrack) =>
    rendition.kind === 'video' && wanted.kind === 'video'
      ? Math.abs(rendition.height - wanted.height) +
        ((rendition.codec ?? 'h264') === (wanted.codec ?? 'h264') ? 0 : 1e6)
      : 0;
  return alike.sort((a, b) => distance(a) - distance(b))[0] ?? null;
}

/** Of the numbers from `first` up to `end`: what stands there in a track. */
export function* rowsOf(
  { segments }: RecordedTrack,
  first: number,
  end: number,
): Generator<SegmentRow & { readonly number: number }> {
  for (let number = Math.max(first, segments.first); number < Math.min(end, segments.next); number += 1) {
    const row = segments.at(number);
    if (row !== null) yield { number, ...row };
  }
}
