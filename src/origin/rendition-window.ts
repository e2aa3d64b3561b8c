import type { LiveSegment } from './live-segment.js';
import type { OpenSegment } from './open-segment.js';

/** Bits per second over what was announced. */
export interface MeasuredRate {
  readonly peak: number;
  readonly average: number;
}

/** How many of the newest segments tell how far behind the wall clock they come. */
const LAGS = 4;

/**
 * The last segments of one rendition of a channel: the newest `length` are in its playlist, and as many again stay known
 * for players that still hold an older playlist (RFC 8216 §6.2.2).
 */
export class RenditionWindow {
  readonly id: string;
  /** The segment after the newest one, once it has a part. Its parts are listed, and its own address streams them. */
  open: OpenSegment | null = null;
  readonly #length: number;
  #segments: LiveSegment[] = [];
  #lags: number[] = [];
  #measured = { broadcastId: '', bits: 0, seconds: 0, peak: 0 };

  constructor(id: string, length: number) {
    this.id = id;
    this.#length = length;
  }

  get newest(): LiveSegment | null {
    return this.#segments.at(-1) ?? null;
  }

  /** What the playlist lists, oldest first. */
  get listed(): readonly LiveSegment[] {
    return this.#segments.slice(-this.#length);
  }

  /** Everything known, oldest first. */
  get known(): readonly LiveSegment[] {
    return this.#segments;
  }

  add(segment: LiveSegment): void {
    const newest = this.newest;
    if (newest !== null && segment.number !== newest.number + 1) {
      throw new Error(`segment ${segment.number} of ${this.id} came after ${newest.number}`);
    }
    if (this.open?.number === segment.number) this.open = null;
    this.#segments.push(segment);
    if (this.#segments.length > 2 * this.#length) this.#segments.shift();
    for (const old of this.#segments.slice(0, -this.#length)) {
      if (old.spooled) old.bytes = null;
    }
    if (!segment.gap) this.#measure(segment);
  }

  find(broadcastId: string, number: number): LiveSegment | null {
    const first = this.#segments[0];
    const found = first === undefined ? undefined : this.#segments[number - first.number];
    return found !== undefined && found.run.broadcastId === broadcastId ? found : null;
  }

  /** How far behind the wall clock a segment's end was announced, ms. */
  noteLag(lagMs: number): void {
    this.#lags = [...this.#lags.slice(1 - LAGS), lagMs];
  }

  /** The most of late, ms; 0 before the first. */
  get lagMs(): number {
    return Math.max(0, ...this.#lags);
  }

  clear(): void {
    this.#segments = [];
  }

  /** Null until enough was announced to say. */
  get rate(): MeasuredRate | null {
    const { bits, seconds, peak } = this.#measured;
    return seconds > 0 ? { peak: Math.max(peak, bits / seconds), average: bits / seconds } : null;
  }

  #measure({ run, size, duration, timescale }: LiveSegment): void {
    const seconds = duration / timescale;
    if (seconds <= 0) return;
    if (this.#measured.broadcastId !== run.broadcastId) {
      this.#measured = { broadcastId: run.broadcastId, bits: 0, seconds: 0, peak: 0 };
    }
    const measured = this.#measured;
    measured.bits += size * 8;
    measured.seconds += seconds;
    // A short segment is mostly its key picture and says nothing of the peak (RFC 8216bis §4.4.6.2: half a target and more).
    if (seconds >= run.segmentSec / 2) measured.peak = Math.max(measured.peak, (size * 8) / seconds);
  }
}
