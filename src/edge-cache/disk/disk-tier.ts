/**
 * The disk tier: all disks of the cache together, below the memory tier.
 *
 * What is stored in memory is written behind it, unless it will not be fresh for long. While a disk has room, everything is: an empty
 * disk serves nobody. Once it is full, each write costs what is oldest there, and only what was fetched before is worth that. Each name
 * has its disk, chosen by hash among those that work, weighted by size; a disk that fails is left out until it works again.
 *
 * Lives from `open` to `close`: open it before the edge, and close it after that.
 */
import { LRUCache } from 'lru-cache';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { CachedObject } from '../memory/cached-object.js';
import type { TierBelow } from '../memory/memory-tier.js';
import { freshForMs } from '../semantics/freshness.js';
import { type Variations, variationOf } from '../variant-index.js';
import type { Disk } from './disk.js';
import { DiskMetrics } from './disk-metrics.js';
import { type DiskLimits, type DiskPlace, defaultLimits } from './disk-options.js';
import { type DiskFound, DiskReads, type Judge, type Memory } from './disk-reads.js';
import { type Files, realFiles } from './files.js';
import { MountedDisk } from './mounted-disk.js';
import { chosenBy, hashOf, type NameHash } from './name-hash.js';
import { objectDraft, variationDraft } from './object-draft.js';
import { SeenNames } from './seen-names.js';
import type { Draft } from './write-queue.js';

export interface DiskTierOptions {
  readonly disks: readonly DiskPlace[];
  readonly log: Log;
  readonly metrics: Metrics;
  /** Epoch ms. Default: the system's clock. */
  readonly now?: () => number;
  readonly limits?: Partial<DiskLimits>;
  readonly files?: Files;
}

/** What is fresh for less has gone stale before a disk could be of use: live playlists and the parts they name. */
const freshMsMin = 30_000;
/** Addresses of which it is known that the lists of fields on which they vary are on disk. */
const variationsMax = 10_000;

export class DiskTier implements TierBelow {
  readonly #mounted: readonly MountedDisk[];
  readonly #metrics: DiskMetrics;
  readonly #now: () => number;
  readonly #reads: DiskReads;
  #judge: Judge = (_name, head) => head;
  readonly #seen = new SeenNames();
  readonly #variations = new LRUCache<string, string>({ max: variationsMax });
  #variationsOf: (name: string) => Variations | null = onlyItsOwn;

  /** Rejects with `edge-cache.disk-in-use`; a disk that cannot be used for another reason is out, and tried again. */
  static async open(options: DiskTierOptions): Promise<DiskTier> {
    const { log, now = Date.now, files = realFiles } = options;
    const metrics = new DiskMetrics(options.metrics);
    const mounted: MountedDisk[] = [];
    try {
      for (const place of options.disks) {
        const limits = { ...defaultLimits(place.bytesMax), ...options.limits };
        mounted.push(await MountedDisk.open({ ...place, limits, files, log, metrics, now }));
      }
    } catch (error) {
      await Promise.all(mounted.map((disk) => disk.close()));
      throw error;
    }
    return new DiskTier(mounted, metrics, now);
  }

  private constructor(mounted: readonly MountedDisk[], metrics: DiskMetrics, now: () => number) {
    this.#mounted = mounted;
    this.#metrics = metrics;
    this.#now = now;
    this.#reads = new DiskReads(now, (name, head) => this.#judge(name, head));
  }

  /** Asked of all that is read from now on. */
  judgeBy(judge: Judge): void {
    this.#judge = judge;
  }

  /** Who knows on what addresses vary; by default, each name says so of itself. */
  variationsBy(variationsOf: (name: string) => Variations | null): void {
    this.#variationsOf = variationsOf;
  }

  get objects(): number {
    return this.#mounted.reduce((sum, { disk }) => sum + (disk?.objects ?? 0), 0);
  }

  get bytes(): number {
    return this.#mounted.reduce((sum, { disk }) => sum + (disk?.bytes ?? 0), 0);
  }

  /** Whether it is worth asking for. */
  has(name: string): boolean {
    return this.#reads.underWay(name) !== undefined || this.#holder(hashOf(name)) !== null;
  }

  /** Brings it into memory. Null: it is not there, or cannot be read. Never rejects. */
  async read(name: string, memory: Memory): Promise<DiskFound | null> {
    const underWay = this.#reads.underWay(name);
    if (underWay !== undefined) return underWay;
    const hash = hashOf(name);
    const holder = this.#holder(hash);
    if (holder === null) return null;
    const found = await this.#reads.start(holder.disk, hash, name, memory);
    if (found?.kind === 'object') this.#metrics.hit(holder.mounted.folder, found.object.length ?? 0);
    return found;
  }

  stored(object: CachedObject): void {
    if (this.#reads.hasBrought(object)) return;
    this.#reads.outdate(object.key);
    const hash = hashOf(object.key);
    const to = this.#writableFor(hash);
    if (to !== undefined && this.#isWorthIt(object, hash, to.disk)) {
      this.#put(to.mounted, objectDraft(object, hash));
      this.#putVariations(object.key);
    } else this.#removeFrom(this.#mounted, hash);
  }

  removed(name: string): void {
    this.#reads.outdate(name);
    this.#removeFrom(this.#mounted, hashOf(name));
  }

  /**
   * The object in memory was confirmed. What is on disk has the head from before. Where that is stale, it will be confirmed again when
   * it is read, which costs no body; where it is fresh, it could be used in place of the newer one, and goes.
   */
  confirmed(name: string): void {
    const hash = hashOf(name);
    for (const mounted of this.#mounted) {
      if ((mounted.disk?.freshUntil(hash) ?? 0) > this.#now()) mounted.remove(hash);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#mounted.map((mounted) => mounted.close()));
  }

  #isWorthIt({ head }: CachedObject, hash: NameHash, disk: Disk): boolean {
    if (freshForMs(head.freshness, this.#now()) < freshMsMin) return false;
    const proven = this.#seen.see(hash);
    if (proven || !disk.isFull) return true;
    this.#metrics.unproven();
    return false;
  }

  /** Once for all lists of an address, and again where they have gone with their segment, or an answer that does not vary took their place. */
  #putVariations(name: string): void {
    const varied = this.#variationsOf(name);
    if (varied === null || varied.key === name) {
      this.#variations.delete(name);
      return;
    }
    const { key } = varied;
    const lists = varied.lists.filter(({ names }) => names.length > 0);
    const generations = lists
      .map(({ generation }) => generation)
      .sort()
      .join();
    if (this.#variations.get(key) === generations && this.has(key)) return;
    this.#variations.set(key, generations);
    const hash = hashOf(key);
    const to = this.#writableFor(hash);
    if (to !== undefined) this.#put(to.mounted, variationDraft(key, hash, lists));
  }

  /** There, and nowhere else: what was there before it would be found in its place. */
  #put(mounted: MountedDisk, draft: Draft): void {
    const refused = mounted.disk?.put(draft) ?? null;
    if (refused !== null) this.#metrics.unwritten(refused);
    this.#removeFrom(refused === null ? this.#mounted.filter((each) => each !== mounted) : this.#mounted, draft.hash);
  }

  #removeFrom(mounted: readonly MountedDisk[], hash: NameHash): void {
    for (const each of mounted) each.remove(hash);
  }

  #writableFor(hash: NameHash): { mounted: MountedDisk; disk: Disk } | undefined {
    const mounted = chosenBy(
      hash,
      this.#mounted.filter(({ disk }) => disk?.writable),
    );
    return mounted?.disk ? { mounted, disk: mounted.disk } : undefined;
  }

  /** The disk that a name is written to, and where it was written to before that: disks come and go. */
  #holder(hash: NameHash): { mounted: MountedDisk; disk: Disk } | null {
    for (const mounted of this.#mounted) {
      const { disk } = mounted;
      if (disk?.has(hash)) return { mounted, disk };
    }
    return null;
  }
}

function onlyItsOwn(name: string): Variations | null {
  const own = variationOf(name);
  return own && { key: own.key, lists: [own.variation] };
}
