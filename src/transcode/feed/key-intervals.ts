import type { BlockItem } from './matroska-reader.js';

/** How far apart the keys of a feed's picture are. Holds the last key and the longest distance. */
export class KeyIntervals {
  #first: number | null = null;
  #key: number | null = null;
  #latest = 0;
  #longest: number | null = null;

  add({ track, key, timeMs }: BlockItem): void {
    this.#first ??= timeMs;
    this.#latest = Math.max(this.#latest, timeMs);
    if (track !== 'video' || !key) return;
    if (this.#key !== null) this.#longest = Math.max(this.#longest ?? 0, timeMs - this.#key);
    this.#key = timeMs;
  }

  /** Ms; null before the second key. */
  get longestMs(): number | null {
    return this.#longest;
  }

  /** Media seen so far, ms. */
  get runMs(): number {
    return this.#first === null ? 0 : this.#latest - this.#first;
  }
}
