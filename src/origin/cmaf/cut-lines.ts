/**
 * Where a run's renditions are cut into segments: all of them along the same lines, so that a player may change from one
 * to another at any segment. Times are seconds of the broadcast's timeline; a slot counts the lines.
 */
export interface CutLines {
  /** The slot of whatever is presented at that time. Only to be asked up to `knownToSec`. */
  slotAt(timelineSec: number): number;
  /** Up to here every line is known. */
  readonly knownToSec: number;
  /** Pictures have keys at the lines because they are made there; else the lines are where keys happen to be. */
  readonly keysPlaced: boolean;
  /** Whether there is a line there or before, or most likely will be, that begins a later slot than this one. */
  endsBy(slot: number, timelineSec: number): boolean;
  /** A segment that grows longer is given up: what should have ended it no longer comes. */
  readonly longestSec: number;
}

/**
 * The encoder is told to make a key of the first picture whose tick (of 90 kHz) reaches the line, so this may be no more than half of one: a picture
 * that stands just before the line is no key, and a segment that ended before it would leave it behind.
 */
const GRID_TOLERANCE_SEC = 0.4 / 90_000;
/** Keys of a source, by its own account and by the fragments' ticks. */
const KEY_TOLERANCE_SEC = 0.002;
/** A segment that finds no place to be cut within this many grid steps means that keys no longer come. */
const GRID_STEPS_MAX = 3;

/** A line at each multiple of the step, from the timeline's zero: for runs whose keys are placed by us. */
export class GridLines implements CutLines {
  readonly knownToSec = Number.POSITIVE_INFINITY;
  readonly keysPlaced = true;
  readonly longestSec: number;
  readonly #stepSec: number;

  constructor(stepSec: number) {
    this.#stepSec = stepSec;
    this.longestSec = GRID_STEPS_MAX * stepSec;
  }

  slotAt(timelineSec: number): number {
    return Math.max(0, Math.floor((timelineSec + GRID_TOLERANCE_SEC) / this.#stepSec));
  }

  endsBy(slot: number, timelineSec: number): boolean {
    return this.slotAt(timelineSec) > slot;
  }
}

export interface KeyLinesOptions {
  /** The playlist's target duration, whole seconds: no segment, rounded, is longer. */
  readonly targetSec: number;
  /** How far apart the source's keys are expected to be at most. */
  readonly keyIntervalSec: number;
}

/** Publishers stamp pictures in whole milliseconds, by clocks that wander. */
const STAMP_JITTER_SEC = 0.01;
/** Half a second would round up (RFC 8216 §4.3.3.1); sound may end a frame (HE-AAC: 64 ms at 32 kHz) behind its picture. */
const ROUNDS_DOWN_SEC = 0.42;

/**
 * Lines at the source's own keys, found by the run's leading rendition and followed by the others.
 *
 * Life: the leader tells of each `key` and how far it has `reached`; who follows waits for that. A key becomes a line unless
 * another whole key interval still fits into the target duration. The slot before the first line is the first slot.
 */
export class KeyLines implements CutLines {
  readonly keysPlaced = false;
  readonly longestSec: number;
  readonly #keyIntervalSec: number;
  readonly #followers = new Set<() => void>();
  #lines: number[] = [];
  #dropped = 0;
  #knownToSec = Number.NEGATIVE_INFINITY;

  constructor({ targetSec, keyIntervalSec }: KeyLinesOptions) {
    this.longestSec = targetSec + ROUNDS_DOWN_SEC;
    this.#keyIntervalSec = keyIntervalSec;
  }

  get knownToSec(): number {
    return this.#knownToSec;
  }

  slotAt(timelineSec: number): number {
    const behind = this.#lines.findLastIndex((line) => line <= timelineSec + KEY_TOLERANCE_SEC);
    return Math.max(0, this.#dropped + behind);
  }

  /** Sources place keys evenly: the next line is the last key that fits into the target duration. */
  endsBy(slot: number, timelineSec: number): boolean {
    if (this.slotAt(timelineSec) > slot) return true;
    const last = this.#lines.at(-1);
    if (last === undefined || this.#keyIntervalSec <= 0) return false;
    const intervals = Math.max(1, Math.floor(this.longestSec / this.#keyIntervalSec));
    return timelineSec >= last + intervals * this.#keyIntervalSec - STAMP_JITTER_SEC;
  }

  /** The leader has a key there. */
  key(timelineSec: number): void {
    const last = this.#lines.at(-1);
    if (last !== undefined && timelineSec - last + this.#keyIntervalSec <= this.longestSec) return;
    this.#lines.push(timelineSec);
    if (this.#lines.length <= LINES_MAX) return;
    this.#lines.shift();
    this.#dropped += 1;
  }

  /** The leader's keys up to there have been told. */
  reached(timelineSec: number): void {
    this.#knownToSec = timelineSec;
    for (const go of this.#followers) go();
  }

  /** `go` is called whenever more is known. */
  follow(go: () => void): void {
    this.#followers.add(go);
  }
}

/** Followers are a second or two behind; a rendition that lags by more lines than this is cut at the oldest one kept. */
const LINES_MAX = 64;
