import type { InitSegment } from './cmaf/init-segment.js';
import { isAnnounced, type Position } from './live-position.js';
import { type LiveRun, type LiveSegment, type RunPlace, wallClockOf } from './live-segment.js';
import { type OpenPart, OpenSegment, type OpenSegmentFacts } from './open-segment.js';
import { RenditionWindow } from './rendition-window.js';
import { type Resumption, Resumptions } from './resumptions.js';
import type { TimedEvents } from './timed-events.js';
import { type Waited, Waiters } from './waiters.js';

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
  /** What the source of a broadcast told beside its media. */
  readonly timedEvents?: (broadcastId: string) => TimedEvents | null;
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
 * Life: `openRun` for every run of every broadcast → `opened` and `numberFor` as its segments open → `announcePart` for each part
 * of a segment and `closeSegment` behind the last → `announce` when the segment may be listed → `endBroadcast`. Numbers and
 * discontinuities only ever rise, over runs and broadcasts alike, so that a player which polls the same playlist goes on. A broadcast that begins after the one before it was over starts with
 * an empty window; one that the box's own end cut off is over only after a grace time.
 */
export class LiveWindow {
  readonly channel: string;
  readonly #options: LiveWindowOptions;
  readonly #renditions = new Map<string, RenditionWindow>();
  readonly #starts = new Map<LiveRun, OpenedAt[]>();
  readonly #resumptions = new Resumptions();
  readonly #waiters = new Waiters();
  #runs: LiveRun[] = [];
  #nextNumber: number;
  #nextDiscontinuity: number;
  #endedAt: number | null = null;
  /** Of the broadcast that was restored; those that follow have an end of their own. */
  #cutOffGraceMs: number;
  #lastSegmentAt: number | null = null;
  #zeroOfTime = 0;
  #version = 0;

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

  /** What the source of that broadcast told beside its media; null: nothing. */
  timedEvents(broadcastId: string): TimedEvents | null {
    return this.#options.timedEvents?.(broadcastId) ?? null;
  }

  /** Where renditions of a run went on behind a gap. */
  resumptions(run: LiveRun): readonly Resumption[] {
    return this.#resumptions.of(run);
  }

  /** How far behind the wall clock media was announced of late, in the rendition that is furthest behind; ms. */
  get lagMs(): number {
    return Math.max(0, ...this.renditions.map((rendition) => rendition.lagMs));
  }

  get lastSegmentAt(): number | null {
    return this.#lastSegmentAt;
  }

  /** Another one whenever a playlist may say something else (the end of a grace time apart: see `closed`). */
  get version(): number {
    return this.#version;
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

  /** A segment begins. Once every rendition of the run has begun, the run has its place. */
  opened(run: LiveRun, start: OpenedAt): void {
    const starts = this.#starts.get(run);
    if (run.place !== null || starts === undefined) return;
    starts.push(start);
    const begun = new Set(starts.map(({ rendition }) => rendition));
    if (run.renditions.every(({ id }) => begun.has(id))) run.place = this.#findPlace(run);
  }

  /** The number of the segment that begins in `slot`; null where it lies before the run's common start, and is dropped. */
  numberFor(run: LiveRun, slot: number): number | null {
    run.place ??= this.#findPlace(run);
    const number = run.place.base + slot;
    if (number < run.place.firstNumber) return null;
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
    return number;
  }

  /** The next part of the segment behind the newest one. */
  announcePart(facts: OpenSegmentFacts, part: OpenPart): void {
    const window = this.#windowFor(facts.rendition);
    if (window.open === null) {
      this.#fillGaps(window, facts);
      window.open = new OpenSegment(facts);
    }
    window.open.add(part);
    this.changed();
  }

  /** All parts of the open segment have been announced; these are its bytes. */
  closeSegment(rendition: string, number: number, bytes: Buffer): void {
    const open = this.#renditions.get(rendition)?.open ?? null;
    if (open?.number !== number) return;
    open.close(bytes);
    this.changed();
  }

  announce(segment: LiveSegment, now: number): void {
    const window = this.#windowFor(segment.rendition);
    this.#fillGaps(window, segment);
    window.add(segment);
    window.noteLag(now - wallClockOf(segment) - (segment.duration / segment.timescale) * 1000);
    this.#lastSegmentAt = now;
    this.#nextNumber = Math.max(this.#nextNumber, segment.number + 1);
    this.#forgetOldRuns();
    this.#boundMemory();
    this.changed();
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
          parts: [],
          bytes: null,
        };
        this.#fillGaps(window, segment);
        window.add(segment);
      }
    }
    this.#lastSegmentAt = lastSegmentAt;
  }

  endBroadcast(broadcastId: string, now: number): void {
    if (broadcastId !== this.broadcastId) return;
    this.#endedAt ??= now;
    this.changed();
  }

  /** Resolves when that segment or part is announced, or when it never will be, since the broadcast or the rendition has ended. */
  waitFor(rendition: string, position: Position, timeoutMs: number, signal: AbortSignal): Promise<Waited> {
    const known = this.#renditions.has(rendition);
    const arrived = () => {
      const window = this.#renditions.get(rendition);
      const over = this.#endedAt !== null && this.#cutOffGraceMs === 0;
      return over || (window === undefined ? known : isAnnounced(window, position));
    };
    return this.#waiters.wait(`${rendition} ${position.number} ${position.part}`, arrived, timeoutMs, signal);
  }

  /** Playlists say something else than before. */
  changed(): void {
    this.#version += 1;
    this.#waiters.wake();
  }

  #startAfresh(): void {
    this.#version += 1;
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
    this.changed();
  }

  #fillGaps(window: RenditionWindow, next: OpenSegmentFacts): void {
    const gaps = this.#gapsBefore(window.newest, next);
    for (const gap of gaps) window.add(gap);
    if (gaps.length > 0) this.#resumptions.note(next);
  }

  /** Fills the slots where other renditions have a segment and this one has none, so that numbers stay aligned. */
  #gapsBefore(newest: LiveSegment | null, next: OpenSegmentFacts): LiveSegment[] {
    if (newest === null) return [];
    const gaps: LiveSegment[] = [];
    const from = Math.max(newest.number + 1, next.number - 2 * this.#options.windowSegments);
    if (from > newest.number + 1) this.#renditions.get(next.rendition)?.clear();
    for (let number = from; number < next.number; number += 1) {
      gaps.push(this.#gapAt(number, gaps.at(-1) ?? newest, next));
    }
    return gaps;
  }

  /** It begins where the segment before it ended, be that early, so that a playlist's own clock has no hole. */
  #gapAt(number: number, before: LiveSegment, next: OpenSegmentFacts): LiveSegment {
    const run = this.#runs.findLast(({ place }) => place !== null && place.firstNumber <= number) ?? next.run;
    const goesOn = before.run === run && before.number === number - 1;
    const { timescale } = goesOn ? before : next;
    const span = this.#spanOf(run, number, timescale);
    const start = goesOn ? before.start + before.duration : span.start;
    const end = next.run === run && next.number === number + 1 ? next.start : span.start + span.duration;
    // No longer than any segment may be: what then remains lies before the next run's discontinuity.
    const longest = Math.max(span.duration, Math.round(run.segmentSec * timescale));
    const duration = Math.max(0, Math.min(end - start, longest));
    const facts = { number, run, rendition: next.rendition, timescale };
    return { ...facts, start, duration, size: 0, spooled: true, gap: true, parts: [], bytes: null };
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
    this.#resumptions.prune(this.#runs, this.renditions);
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
