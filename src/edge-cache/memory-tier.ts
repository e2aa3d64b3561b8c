/**
 * The memory tier: whole objects by key, least recently used first out, all memory counted.
 *
 * One budget covers three uses: *stored* objects, *filling* ones (bodies on their way in), and *pinned* ones (evicted or
 * replaced, but still being sent to somebody). Fills may take half of it and pinned objects a quarter; above that the
 * object pinned longest loses its readers. Lives as long as the edge; empty at every start.
 */
import { LRUCache } from 'lru-cache';
import type { CachedObject, Room } from './cached-object.js';
import type { EdgeMetrics } from './edge-metrics.js';

export class MemoryTier implements Room {
  readonly #bytesMax: number;
  readonly #metrics: EdgeMetrics;
  readonly #stored: LRUCache<string, CachedObject>;
  readonly #pinned = new Map<CachedObject, number>();
  #filling = 0;
  #pinnedBytes = 0;

  constructor(options: { readonly bytesMax: number; readonly metrics: EdgeMetrics }) {
    this.#bytesMax = options.bytesMax;
    this.#metrics = options.metrics;
    this.#stored = new LRUCache({
      maxSize: options.bytesMax,
      dispose: (object, _key, reason) => this.#dropped(object, reason === 'evict'),
    });
  }

  get bytes(): number {
    return this.#stored.calculatedSize + this.#filling + this.#pinnedBytes;
  }

  get objects(): number {
    return this.#stored.size;
  }

  /** A whole object, fresh or stale; it counts as used now. */
  get(key: string): CachedObject | undefined {
    return this.#stored.get(key);
  }

  /** All that is kept, in no order. */
  kept(): Iterable<CachedObject> {
    return this.#stored.values();
  }

  /** Keeps a complete object, in place of what had its key. */
  put(object: CachedObject): void {
    object.release();
    const size = object.weight;
    if (this.#makeRoom(size)) this.#stored.set(object.key, object, { size });
    this.#report();
  }

  remove(key: string): void {
    this.#stored.delete(key);
    this.#report();
  }

  /** Room for the bytes of a fill. */
  take(bytes: number): boolean {
    if (this.#filling + bytes > this.#bytesMax / 2 || !this.#makeRoom(bytes)) return false;
    this.#filling += bytes;
    this.#report();
    return true;
  }

  giveBack(bytes: number): void {
    this.#filling -= bytes;
    this.#report();
  }

  /** Evicts until so many bytes are free; false when what is left cannot be evicted. */
  #makeRoom(bytes: number): boolean {
    while (this.bytes + bytes > this.#bytesMax) {
      if (this.#stored.pop() === undefined && !this.#cutLongestPinned()) return false;
    }
    return true;
  }

  #dropped(object: CachedObject, evicted: boolean): void {
    if (evicted) this.#metrics.evicted();
    if (object.hasReaders) this.#pin(object);
    while (this.#pinnedBytes > this.#bytesMax / 4) this.#cutLongestPinned();
  }

  #pin(object: CachedObject): void {
    const weight = object.weight;
    this.#pinned.set(object, weight);
    this.#pinnedBytes += weight;
    object.whenIdle(() => this.#unpin(object));
  }

  #unpin(object: CachedObject): void {
    this.#pinnedBytes -= this.#pinned.get(object) ?? 0;
    this.#pinned.delete(object);
    object.whenIdle(null);
  }

  #cutLongestPinned(): boolean {
    const [longest] = this.#pinned.keys();
    if (longest === undefined) return false;
    this.#unpin(longest);
    longest.fail();
    this.#metrics.readersCut();
    return true;
  }

  #report(): void {
    this.#metrics.memory({
      stored: this.#stored.calculatedSize,
      filling: this.#filling,
      pinned: this.#pinnedBytes,
      objects: this.#stored.size,
    });
  }
}
