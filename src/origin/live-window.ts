import type { InitSegment } from './cmaf/init-segment.js';
import type { LiveRun, LiveSegment, RunPlace } from './live-segment.js';
import { RenditionWindow } from './rendition-window.js';
import { Waiters } from './waiters.js';

export interface LiveWindowOptions {
  readonly channel: string;
  /** Segments in a playlist. */
  readonly windowSegments: number;
  /** Segment bytes held for this channel. Above it the oldest are left to the spool. */
  readonly memoryBytesMax: number;
  /** How long the playlists stay open of a broadcast that the box's own end cut off; 0, the default, closes them with it. */
  readonly cutOffGraceMs?: number;
  /** Where numbers go on, after a restart. */
  readonly nextNumber?: number;
  readonly nextDiscontinuity?: number;
}

/** What a cut segment brings to the window; the window gives it its number. */
export interface OpenedAt {
  readonly rendition: string;
  readonly slot: number;
  readonly startSec: number;
}

/** A segment as a journal tells of it; times in ticks. */
export interface RestoredSegment {
  readonly run: number;
  readonly number: number;
  readonly start: number;
  readonly duration: number;
  readonly bytes: number;
}

/**
 * What a channel shows now: the last segments of each rendition, over the runs and broadcasts they came from.
 *
 * Life: `openRun` for every run of every broadcast → `opened` and `numberFor` as its segments open and close → `announce`
 * when a segment may be listed → `endBroadcast`. Numbers and discontinuities only ever rise, over runs and broadcasts alike,
 * so that a player which polls the same playlist goes on. A broadcast that begins after the one before it was over starts with
 * an empty window; one that the box's own end cut off is over only after a grace time.
 */
export class LiveWindow {
  readonly channel: string;
  readonly #options: LiveWindowOptions;
  readonly #renditions = new Map<string, RenditionWindow>();
  readonly #starts = new Map<LiveRun, OpenedAt[]>();
  readonly #waiters = new Waiters();
  #runs: LiveRun[] = [];
  #nextNumber: number;
  #nextDiscontinuity: number;
  #endedAt: number | null = null;
  /** Of the broadcast that was restored; those that follow have an end of their own. */
  #cutOffGraceMs: number;
  #lastSegmentAt: number | null = null;
  #zeroOfTime = 0;

  constructor(options: LiveWindowOptions) {
    this.channel = options.channel;
    this.#options = options;
    this.#nextNumber = options.nextNumber ?? 0;
    this.#cutOffGraceMs = options.cutOffGraceMs ?? 0;
    this.#nextDiscontinuity = options.nextDiscontinuity ?? 0;
  }

  /** The runs that the window still lists, oldest first, and the newest one even before its first segment. */
  get runs(): readonly LiveRun[] {
    return this.#runs;
  }

  get broadcastId(): string | null {
    return this.#runs.at(-1)?.broadcastId ?? null;
  }

  get endedAt(): number | null {
    return this.#endedAt;
  }

  /** Wall clock of the DASH presentation's zero, epoch ms: the start of the first broadcast since the window was last empty. */
  get zeroOfTime(): number {
    return this.#zeroOfTime;
  }

  get lastSegmentAt(): number | null {
    return this.#lastSegmentAt;
  }

  get renditions(): readonly RenditionWindow[] {
    return [...this.#renditions.values()];
  }

  rendition(id: string): RenditionWindow | null {
    return this.#renditions.get(id) ?? null;
  }

  /** Over for good: playlists carry EXT-X-ENDLIST. `now` in epoch ms. */
  closed(now: number): boolean {
    return this.#endedAt !== null && now >= this.#endedAt + this.#cutOffGraceMs;
  }

  openRun(facts: Omit<LiveRun, 'run' | 'inits' | 'place'>, now: number): LiveRun {
    if (facts.broadcastId !== this.broadcastId && this.closed(now)) this.#startAfresh();
    const last = this.#runs.findLast((run) => run.broadcastId === facts.broadcastId);
    const run: LiveRun = { ...facts, run: (last?.run ?? 0) + 1, inits: new Map(), place: null };
    if (this.#runs.length === 0) this.#zeroOfTime = run.startedAt;
    this.#runs.push(run);
    this.#starts.set(run, []);
    this.#endedAt = null;
    this.#cutOffGraceMs = 0;
    return run;
  }

  header(run: LiveRun, rendition: string, init: InitSegment): void {
    const { kind, timescale, codecs, width, height, sampleRate, bytes } = init;
    run.inits.set(rendition, { kind, timescale, codecs, width, height, sampleRate, bytes });
  }

  opened(run: LiveRun, start: OpenedAt): void {
    if (run.place === null) this.#starts.get(run)?.push(start);
  }

  /** The number of the segment that begins in `slot`; null where it lies before the run's common start, and is dropped. */
  numberFor(run: LiveRun, slot: number): number | null {
    run.place ??= this.#findPlace(run);
    const number = run.place.base + slot;
    if (number < run.place.firstNumber) return null;
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
    return number;
  }

  announce(segment: LiveSegment, now: number): void {
    const window = this.#windowFor(segment.rendition);
    for (const gap of this.#gapsBefore(window.newest, segment)) window.add(gap);
    window.add(segment);
    this.#lastSegmentAt = now;
    this.#nextNumber = Math.max(this.#nextNumber, segment.number + 1);
    this.#forgetOldRuns();
    this.#boundMemory();
    this.#waiters.wake();
  }

  /** Brings back what a journal says was announced. Headers and segments are then read from the spool. */
  restore(
    runs: readonly LiveRun[],
    tail: ReadonlyMap<string, readonly RestoredSegment[]>,
    lastSegmentAt: number,
  ): void {
    this.#runs = [...runs];
    this.#zeroOfTime = runs[0]?.startedAt ?? 0;
    for (const [rendition, segments] of tail) {
      const window = this.#windowFor(rendition);
      for (const { run: index, number, start, duration, bytes: size } of segments) {
        const run = runs.find((each) => each.run === index);
        const init = run?.inits.get(rendition);
        if (run === undefined || init === undefined) continue;
        const { timescale } = init;
        const segment = {
          number,
          run,
          rendition,
          start,
          duration,
          timescale,
          size,
          spooled: true,
          gap: false,
          bytes: null,
        };
        for (const gap of this.#gapsBefore(window.newest, segment)) window.add(gap);
        window.add(segment);
      }
    }
    this.#lastSegmentAt = lastSegmentAt;
  }

  endBroadcast(broadcastId: string, now: number): void {
    if (broadcastId === this.broadcastId) this.#endedAt ??= now;
  }

  /** Resolves true when that segment is announced, false after `timeoutMs` or when too many wait already. */
  waitFor(rendition: string, number: number, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const announced = () => (this.#renditions.get(rendition)?.newest?.number ?? -1) >= number;
    return this.#waiters.wait(announced, timeoutMs, signal);
  }

  #startAfresh(): void {
    this.#runs = [];
    this.#starts.clear();
    this.#renditions.clear();
  }

  #windowFor(id: string): RenditionWindow {
    const existing = this.#renditions.get(id);
    if (existing !== undefined) return existing;
    const created = new RenditionWindow(id, this.#options.windowSegments);
    this.#renditions.set(id, created);
    return created;
  }

  #findPlace(run: LiveRun): RunPlace {
    const starts = this.#starts.get(run) ?? [];
    this.#starts.delete(run);
    const firstSlot = Math.min(...starts.map((start) => start.slot));
    const pictures = starts.filter(({ rendition }) =>
      run.renditions.some((r) => r.id === rendition && r.kind === 'video'),
    );
    const firstSec = Math.min(...(pictures.length > 0 ? pictures : starts).map((start) => start.startSec));
    this.#dropRenditionsMissingFrom(run);
    const firstNumber = this.#nextNumber;
    const discontinuity = this.#nextDiscontinuity;
    this.#nextDiscontinuity += 1;
    const zeroMs = Math.max(0, Math.round((firstSec - run.timelineOffsetSec) * 1000));
    return { base: firstNumber - firstSlot, firstNumber, discontinuity, zeroMs };
  }

  /** A player of a rendition that no longer exists must go to another one: its playlist becomes a 404. */
  #dropRenditionsMissingFrom(run: LiveRun): void {
    for (const id of this.#renditions.keys()) {
      if (!run.renditions.some((rendition) => rendition.id === id)) this.#renditions.delete(id);
    }
  }

  /** Fills the slots where other renditions have a segment and this one has none, so that numbers stay aligned. */
  #gapsBefore(newest: LiveSegment | null, next: LiveSegment): LiveSegment[] {
    if (newest === null) return [];
    const gaps: LiveSegment[] = [];
    const from = Math.max(newest.number + 1, next.number - 2 * this.#options.windowSegments);
    if (from > newest.number + 1) this.#renditions.get(next.rendition)?.clear();
    for (let number = from; number < next.number; number += 1) gaps.push(this.#gapAt(number, newest, next));
    return gaps;
  }

  #gapAt(number: number, before: LiveSegment, next: LiveSegment): LiveSegment {
    const run = this.#runs.findLast(({ place }) => place !== null && place.firstNumber <= number) ?? next.run;
    const inside = before.run === next.run && next.number === before.number + 2;
    const span = inside ? between(before, next) : this.#spanOf(run, number, next.timescale);
    const facts = { number, run, rendition: next.rendition, timescale: next.timescale };
    return { ...facts, ...span, size: 0, spooled: true, gap: true, bytes: null };
  }

  /** From when to when another rendition says that this number lasts, else what the grid says; in ticks. */
  #spanOf(run: LiveRun, number: number, timescale: number): { start: number; duration: number } {
    const other = this.renditions
      .flatMap((window) => window.known)
      .find((segment) => segment.number === number && segment.run === run && !segment.gap);
    const startSec = (number - (run.place?.base ?? 0)) * run.segmentSec + run.timelineOffsetSec;
    return {
      start: Math.round((other === undefined ? startSec : other.start / other.timescale) * timescale),
      duration: Math.round((other === undefined ? run.segmentSec : other.duration / other.timescale) * timescale),
    };
  }

  #forgetOldRuns(): void {
    const listed = new Set(this.renditions.flatMap((window) => window.known.map((segment) => segment.run)));
    const newest = this.#runs.at(-1);
    this.#runs = this.#runs.filter((run) => run === newest || listed.has(run));
  }

  #boundMemory(): void {
    const held = this.renditions.flatMap((window) => window.known).filter((segment) => segment.bytes !== null);
    let total = held.reduce((sum, segment) => sum + segment.size, 0);
    // What the spool also has goes first; then the oldest.
    const order = held.sort((a, b) => Number(b.spooled) - Number(a.spooled) || a.number - b.number);
    for (const segment of order) {
      if (total <= this.#options.memoryBytesMax) return;
      segment.bytes = null;
      total -= segment.size;
    }
  }
}

function between(before: LiveSegment, next: LiveSegment): { start: number; duration: number } {
  const start = before.start + before.duration;
  return { start, duration: Math.max(0, next.start - start) };
}
