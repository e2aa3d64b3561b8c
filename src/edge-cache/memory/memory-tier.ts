/**
 * The memory tier: whole objects by key, what is least worth its room first out (`s3-fifo`), all memory counted.
 *
 * One budget covers three uses: *stored* objects, *filling* ones (bodies on their way in), and *pinned* ones (evicted or
 * replaced, but still being sent to somebody). Fills may take half of it and pinned objects a quarter; above that the
 * object pinned longest loses its readers. Lives as long as the edge; empty at every start. Where the system refuses more memory, the budget is what it gave.
 *
 * Bodies are in memory of their own, heads in V8's heap, which has a bound of its own (and V8 ends the process there): they may take `heapPart` of it.
 */

import { getHeapStatistics } from 'node:v8';
import type { Failure } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { EdgeMetrics } from '../edge-metrics.js';
import type { CachedObject, Room } from './cached-object.js';
import type { Extents } from './place.js';
import { S3Fifo } from './s3-fifo.js';
import { type Extent, Slabs } from './slabs.js';

/** A slower tier, told of what this one is told of. */
export interface TierBelow {
  /** Of objects that are whole. */
  stored(object: CachedObject): void;
  removed(key: string): void;
  /** The upstream said that it still holds; its head is newer now. */
  confirmed(key: string): void;
}

const kibibyte = 1024;
/** For what stands beside heads, ghosts and garbage, there is as much again and more. */
const heapPart = 0.25;
/** What V8's limit has in it for young objects, at most: 48 MiB on Node 20, 192 on 24. */
const youngBytes = 192 * 1024 * kibibyte;
/** Where that is most of it. */
const heapPartMin = 0.125;
/** Of what is asked for: so many times may be evicted to have it in one piece. */
const piecesPart = 4;

export class MemoryTier implements Room {
  #bytesMax: number;
  readonly #metrics: EdgeMetrics;
  readonly #below: TierBelow | null;
  readonly #log: Log;
  readonly #stored: S3Fifo<CachedObject>;
  readonly #pinned = new Map<CachedObject, number>();
  readonly #slabs: Slabs;
  /** The bytes of all of them. */
  readonly extents: Extents;
  readonly #headBytesMax: number;
  #headBytes = 0;
  #filling = 0;
  #pinnedBytes = 0;

  /** Throws `edge-cache.memory-refused` where the system has no memory for it. */
  constructor(options: {
    readonly bytesMax: number;
    readonly metrics: EdgeMetrics;
    readonly log: Log;
    readonly below?: TierBelow | null;
    /** Of the heads of all that is stored. Default: by what V8 may have. */
    readonly headBytesMax?: number;
  }) {
    this.#bytesMax = options.bytesMax;
    this.#headBytesMax = options.headBytesMax ?? headBytesOf(getHeapStatistics().heap_size_limit);
    this.#metrics = options.metrics;
    this.#below = options.below ?? null;
    this.#log = options.log;
    this.#slabs = new Slabs(options.bytesMax, { whenRefused: (failure, got) => this.#refused(failure, got) });
    this.extents = {
      take: (bytes) => this.#allot(bytes),
      shrink: (extent, bytes) => this.#slabs.shrink(extent, bytes),
      give: (extent) => this.#slabs.give(extent),
    };
    this.#stored = new S3Fifo({
      bytesMax: options.bytesMax,
      dispose: (object, reason) => this.#dropped(object, reason === 'evicted'),
    });
  }

  get bytes(): number {
    return this.#stored.bytes + this.#filling + this.#pinnedBytes;
  }

  get objects(): number {
    return this.#stored.size;
  }

  /** A whole object, fresh or stale; it counts as used. */
  get(key: string): CachedObject | undefined {
    return this.#stored.get(key);
  }

  /** The same; not counted as used. */
  peek(key: string): CachedObject | undefined {
    return this.#stored.peek(key);
  }

  /** Not counted as used. */
  has(key: string): boolean {
    return this.#stored.has(key);
  }

  /** All that is kept, in no order. */
  kept(): Iterable<CachedObject> {
    return this.#stored.entries();
  }

  /** Keeps a complete object, in place of what had its key. `memory alone`: not in the tier below. */
  put(object: CachedObject, where: 'memory alone' | 'all tiers' = 'all tiers'): void {
    object.release();
    const bytes = object.weight;
    const headBytes = object.headWeight;
    if (this.#makeRoom(bytes) && this.#makeRoomForHead(headBytes)) {
      object.keptHeadBytes = headBytes;
      this.#headBytes += headBytes;
      this.#stored.set(object, bytes);
      if (where === 'all tiers') this.#below?.stored(object);
    } else {
      this.#below?.removed(object.key);
      object.letGo();
    }
    this.#report();
  }

  remove(key: string): void {
    this.#stored.remove(key);
    this.#below?.removed(key);
    this.#report();
  }

  /** The upstream says that it still holds. */
  confirmed(key: string): void {
    this.#below?.confirmed(key);
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

  /** What is counted as free may lie in pieces, or still be read: then more is evicted until one is large enough, within reason. */
  #allot(bytes: number): Extent | null {
    const until = this.#stored.bytes - piecesPart * bytes - kibibyte;
    for (;;) {
      const extent = this.#slabs.take(bytes);
      if (extent !== null || this.#stored.bytes < until || this.#stored.pop() === undefined) return extent;
    }
  }

  #refused(failure: Failure, bytesMax: number): void {
    const { code, hint, message } = failure;
    this.#log.warn({ code, hint }, message);
    this.#bytesMax = bytesMax;
    this.#stored.bytesMax = bytesMax;
  }

  /** Evicts until so many bytes are free; false when what is left cannot be evicted. */
  #makeRoom(bytes: number): boolean {
    while (this.bytes + bytes > this.#bytesMax) {
      if (this.#stored.pop() === undefined && !this.#cutLongestPinned()) return false;
    }
    return true;
  }

  #makeRoomForHead(bytes: number): boolean {
    while (this.#headBytes + bytes > this.#headBytesMax) if (this.#stored.pop() === undefined) return false;
    return true;
  }

  #dropped(object: CachedObject, evicted: boolean): void {
    this.#headBytes -= object.keptHeadBytes;
    if (evicted) this.#metrics.evicted();
    object.endLoan();
    if (object.hasReaders) this.#pin(object);
    object.letGo();
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
      stored: this.#stored.bytes,
      filling: this.#filling,
      pinned: this.#pinnedBytes,
      objects: this.#stored.size,
    });
  }
}

const headBytesOf = (heapBytesMax: number): number =>
  Math.floor(Math.max(heapPartMin * heapBytesMax, heapPart * (heapBytesMax - youngBytes)));
