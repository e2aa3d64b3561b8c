import type { Rendition } from '../../media/rendition.js';
import type { LiveRun, RunPlace, TrackFacts } from '../live-segment.js';
import { SegmentColumns, type SegmentRow } from './segment-columns.js';

/** What is known of a segment that was announced; times in ticks. */
export interface IndexedSegment {
  readonly run: Pick<
    LiveRun,
    'run' | 'startedAt' | 'timelineOffsetSec' | 'segmentSec' | 'renditions' | 'inits' | 'place'
  >;
  readonly rendition: string;
  readonly number: number;
  readonly start: number;
  readonly duration: number;
  readonly size: number;
}

/** One rendition in one run. */
export interface RecordedTrack {
  readonly rendition: Rendition;
  readonly facts: TrackFacts;
  readonly segments: SegmentColumns;
  /** Of what was announced. */
  readonly spent: { bits: number; seconds: number; peak: number };
}

/** One life of the encoder within a broadcast, as recorded. */
export interface RecordedRun {
  readonly run: number;
  readonly startedAt: number;
  readonly timelineOffsetSec: number;
  readonly segmentSec: number;
  readonly place: RunPlace;
  readonly renditions: readonly Rendition[];
  /** By rendition; one is missing until its first segment. */
  readonly tracks: Map<string, RecordedTrack>;
  /** The numbers at which a rendition goes on behind a gap, in order, and where they begin on the run's timeline, seconds. */
  readonly resumptions: { readonly number: number; readonly startSec: number }[];
}

/** Segments of a rendition that are kept in mind, over all runs: at 2 s each, more than two days. */
export const INDEX_SEGMENTS_MAX = 100_000;

/**
 * Every segment of a broadcast that may still be asked for, in memory: by run, by rendition, by number.
 *
 * It grows with what is announced (or what a journal tells, in the same order, to the same result); at its front it loses what
 * is out of every window. Within a run a number is the same slot in every rendition; where a rendition has nothing in a slot that
 * later ones follow, a gap stands in it.
 */
export class BroadcastIndex {
  readonly broadcastId: string;
  readonly channel: string;
  readonly #runs: RecordedRun[] = [];
  #nextNumber = 0;
  #longestSec = 0;
  #truncated = false;
  #version = 0;

  constructor(broadcastId: string, channel: string) {
    this.broadcastId = broadcastId;
    this.channel = channel;
  }

  get runs(): readonly RecordedRun[] {
    return this.#runs;
  }

  /** As it was when it was written down. */
  static of(broadcastId: string, channel: string, runs: readonly RecordedRun[]): BroadcastIndex {
    const index = new BroadcastIndex(broadcastId, channel);
    index.#runs.push(...runs);
    for (const { tracks } of runs) {
      for (const track of tracks.values()) {
        index.#nextNumber = Math.max(index.#nextNumber, track.segments.next);
        for (const row of track.segments) index.#measure(track, row);
      }
    }
    for (const run of runs) index.#findResumptions(run);
    return index;
  }

  /** The number behind the newest of any rendition. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** The longest segment, seconds. */
  get longestSec(): number {
    return this.#longestSec;
  }

  /** Segments have left at the front. */
  get truncated(): boolean {
    return this.#truncated;
  }

  /** Changes whenever anything else does. */
  get version(): number {
    return this.#version;
  }

  /** The run in which a number lies. */
  runOf(number: number): RecordedRun | null {
    return this.#runs.findLast(({ place }) => place.firstNumber <= number) ?? null;
  }

  /** The number behind a run's last. */
  endOf(run: RecordedRun): number {
    const following = this.#runs[this.#runs.indexOf(run) + 1];
    return following?.place.firstNumber ?? this.#nextNumber;
  }

  add(segment: IndexedSegment): void {
    const run = this.#runFor(segment);
    const track = run && this.#trackFor(run, segment);
    if (run === null || track === null || segment.number < track.segments.next) return;
    if (segment.number - track.segments.next > INDEX_SEGMENTS_MAX) return;
    this.#fillGaps(run, track, segment.number, segment.start);
    const { start, duration, size } = segment;
    this.#push(track, { start, duration, bytes: size });
    this.#noteResumption(run, track, segment.number);
    this.#nextNumber = Math.max(this.#nextNumber, segment.number + 1);
  }

  /** What was announced there is nowhere any more: a gap from now on. */
  markGap(run: RecordedRun, rendition: string, number: number): void {
    const track = run.tracks.get(rendition);
    track?.segments.markGap(number);
    if (track !== undefined) this.#noteResumption(run, track, number + 1);
    this.#version += 1;
  }

  /** What comes next in the channel has this number: what is missing up to there will not come. */
  endAt(number: number): void {
    const run = this.#runs.at(-1);
    if (run === undefined || number - this.#nextNumber > INDEX_SEGMENTS_MAX) return;
    for (const track of run.tracks.values()) this.#padTo(run, track, number);
    this.#nextNumber = Math.max(this.#nextNumber, number);
  }

  /** Forgets what lies before a number. */
  dropBefore(number: number): void {
    for (const run of this.#runs) {
      const known = run.resumptions.findLastIndex((each) => each.number <= number);
      run.resumptions.splice(0, known);
      for (const { segments } of run.tracks.values()) {
        if (segments.first >= number) continue;
        segments.dropBefore(number);
        this.#truncated = true;
        this.#version += 1;
      }
    }
    while (this.#runs.length > 1 && this.endOf(this.#runs[0] as RecordedRun) <= number) this.#runs.shift();
  }

  #runFor({ run }: IndexedSegment): RecordedRun | null {
    const known = this.#runs.find((each) => each.run === run.run);
    if (known !== undefined) return known;
    const { startedAt, timelineOffsetSec, segmentSec, renditions, place } = run;
    if (place === null) return null;
    // A journal is read from disk: a number that cannot be is no reason to fill memory with gaps.
    if (this.#runs.length > 0 && place.firstNumber - this.#nextNumber > INDEX_SEGMENTS_MAX) return null;
    const facts = { run: run.run, startedAt, timelineOffsetSec, segmentSec, renditions, place };
    const created = { ...facts, tracks: new Map(), resumptions: [] };
    this.#runs.push(created);
    this.#runs.sort((a, b) => a.place.firstNumber - b.place.firstNumber);
    return created;
  }

  #trackFor(run: RecordedRun, segment: IndexedSegment): RecordedTrack | null {
    const { rendition: id } = segment;
    const known = run.tracks.get(id);
    if (known !== undefined) return known;
    const rendition = run.renditions.find((each) => each.id === id);
    const init = segment.run.inits.get(id);
    if (rendition === undefined || init === undefined) return null;
    this.#closeTrackBefore(run, id);
    const { bytes: _bytes, ...facts } = init;
    const segments = new SegmentColumns(run.place.firstNumber);
    const created = { rendition, facts, segments, spent: { bits: 0, seconds: 0, peak: 0 } };
    run.tracks.set(id, created);
    return created;
  }

  /** The rendition goes on in another run: where it fell behind the others in the one before, it stays behind. */
  #closeTrackBefore(run: RecordedRun, id: string): void {
    const before = this.#runs[this.#runs.indexOf(run) - 1];
    const track = before?.tracks.get(id);
    if (before !== undefined && track !== undefined) this.#padTo(before, track, run.place.firstNumber);
  }

  /** Gaps up to a number. */
  #padTo({ segmentSec }: RecordedRun, track: RecordedTrack, end: number): void {
    const { segments, facts } = track;
    for (let number = segments.next; number < end; number += 1) {
      const last = segments.at(number - 1);
      const start = last === null ? 0 : last.start + last.duration;
      this.#push(track, { start, duration: Math.round(segmentSec * facts.timescale), bytes: 0 });
    }
  }

  /** The time between what came last and what comes now is shared out among the numbers between. */
  #fillGaps(run: RecordedRun, track: RecordedTrack, number: number, start: number): void {
    const { segments, facts } = track;
    const count = number - segments.next;
    if (count === 0) return;
    const last = segments.at(segments.next - 1);
    const zero = Math.round((run.place.zeroMs / 1000 + run.timelineOffsetSec) * facts.timescale);
    const from = Math.min(start, last === null ? zero : last.start + last.duration);
    const edge = (index: number) => Math.round(from + ((start - from) * index) / count);
    for (let index = 0; index < count; index += 1) {
      this.#push(track, { start: edge(index), duration: edge(index + 1) - edge(index), bytes: 0 });
    }
  }

  #findResumptions(run: RecordedRun): void {
    for (const track of run.tracks.values()) {
      const { first, next } = track.segments;
      for (let number = first + 1; number < next; number += 1) this.#noteResumption(run, track, number);
    }
  }

  #noteResumption(run: RecordedRun, { segments, facts }: RecordedTrack, number: number): void {
    const [before, row] = [segments.at(number - 1), segments.at(number)];
    if (before?.bytes !== 0 || row === null || row.bytes === 0) return;
    // Nearly always the last one.
    const at = run.resumptions.findLastIndex((each) => each.number <= number);
    if (run.resumptions[at]?.number === number) return;
    run.resumptions.splice(at + 1, 0, { number, startSec: row.start / facts.timescale - run.timelineOffsetSec });
  }

  #push(track: RecordedTrack, row: SegmentRow): void {
    track.segments.push(row);
    this.#measure(track, row);
    this.#version += 1;
  }

  #measure({ spent, facts }: RecordedTrack, { duration, bytes }: SegmentRow): void {
    const seconds = duration / facts.timescale;
    this.#longestSec = Math.max(this.#longestSec, seconds);
    if (bytes === 0 || seconds === 0) return;
    spent.bits += bytes * 8;
    spent.seconds += seconds;
    // A short segment is mostly its key picture and says nothing of the peak.
    if (seconds >= 1) spent.peak = Math.max(spent.peak, (bytes * 8) / seconds);
  }
}
