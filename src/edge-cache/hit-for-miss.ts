/**
 * Addresses whose last answer could not be kept: their requests go upstream each on its own, without waiting for another.
 *
 * Bounded by count; an entry ends after its time, or with the first answer that can be kept. Lives as long as the edge.
 */
import { LRUCache } from 'lru-cache';

interface Entry {
  readonly until: number;
  readonly tooLarge: boolean;
}

const addressesMax = 10_000;
const rememberedMs = 10_000;

export class HitForMiss {
  readonly #entries = new LRUCache<string, Entry>({ max: addressesMax });
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `tooLarge`: it might be kept, were it smaller. */
  remember(key: string, tooLarge: boolean): void {
    this.#entries.set(key, { until: this.#now() + rememberedMs, tooLarge });
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  has(key: string): boolean {
    return this.#current(key) !== undefined;
  }

  wasTooLarge(key: string): boolean {
    return this.#current(key)?.tooLarge === true;
  }

  #current(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const leftMs = entry.until - this.#now();
    // More than there ever was: the clock was set back.
    if (leftMs > 0 && leftMs <= rememberedMs) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}
