/**
 * Fetches the next segment of what somebody watches before it is asked for: of our own media, whose segments are numbered. The next one
 * of a broadcast that is not there yet is asked for all the same: the origin holds that request, and whoever comes joins it.
 *
 * Lives as long as the edge. Bounded: so many under way at once; what is refused for that is fetched when it is asked for.
 */
import { LRUCache } from 'lru-cache';
import type { EdgeMetrics } from './edge-metrics.js';
import type { Asked } from './exchange.js';
import { fetchFor } from './fetch-asked.js';
import type { CachedObject } from './memory/cached-object.js';
import type { MemoryTier } from './memory/memory-tier.js';
import type { Disks } from './read-from-disk.js';
import type { SharedFetches } from './shared-fetch.js';

interface PrefetchOptions {
  readonly tier: MemoryTier;
  readonly disk: Disks | null;
  readonly fetches: SharedFetches;
  readonly metrics: EdgeMetrics;
  readonly now: () => number;
}

const underWayMax = 64;
/** `/media/<owner>/<rendition>/<number>.m4s`: a whole segment, no part of one. */
const segment = /^(\/media\/([bv])_[^/]+\/[^/]+\/)(\d{1,9})\.m4s$/;
/** How long what could not be had is not asked for again: mostly it is the end of a film. */
const refusedMs = 60_000;
const refusedMax = 10_000;

export class Prefetch {
  readonly #options: PrefetchOptions;
  readonly #ahead = new WeakSet<CachedObject>();
  readonly #refused = new LRUCache<string, number>({ max: refusedMax });
  #underWay = 0;

  constructor(options: PrefetchOptions) {
    this.#options = options;
  }

  /** Somebody asks for this: the next one will be asked for. */
  after(asked: Asked): void {
    const [, folder, kind, number] = segment.exec(asked.key) ?? [];
    if (folder === undefined || asked.isHead) return;
    const next = `${folder}${Number(number) + 1}.m4s`;
    if (!this.#isWanted(next)) return;
    const { disk, tier } = this.#options;
    if (disk?.has(next)) void disk.read(next, tier);
    else this.#fetch(asked, next, kind === 'b');
  }

  /** What is sent to a client: whether it was fetched for that. */
  sent(object: CachedObject): void {
    if (this.#ahead.delete(object)) this.#options.metrics.prefetched('used');
  }

  #isWanted(name: string): boolean {
    const { tier, now } = this.#options;
    // That it is not there may be kept too.
    const refusedAt = this.#refused.get(name);
    return refusedAt === undefined ? !tier.has(name) : Math.abs(now() - refusedAt) > refusedMs;
  }

  #fetch(asked: Asked, next: string, held: boolean): void {
    const { fetches, metrics } = this.#options;
    const { exchange: _, ...shared } = fetchFor(asked);
    const fetch = { ...shared, key: next, name: next, target: next, held };
    if (fetches.underWay(fetch) !== undefined) return;
    const isRefused = this.#underWay >= underWayMax;
    metrics.prefetched(isRefused ? 'refused' : 'sent');
    if (isRefused) return;
    this.#underWay += 1;
    void fetches.start(fetch, null).landed.then((landing) => {
      this.#underWay -= 1;
      if (landing.kind === 'object' && landing.kept && landing.object.head.status === 200)
        this.#ahead.add(landing.object);
      else this.#refused.set(next, this.#options.now());
    });
  }
}
