/**
 * The purges of one edge: carries them out, keeps them in order, and wakes those who wait for the next.
 *
 * Lives as long as the edge. Bounded: the journal by count, those who wait by `waitersMax`.
 */
import type { Log } from '../../telemetry/log.js';
import type { EdgeMetrics } from '../edge-metrics.js';
import type { HitForMiss } from '../hit-for-miss.js';
import type { LargeBodies } from '../large-bodies.js';
import type { StoredHead } from '../memory/cached-object.js';
import type { MemoryTier } from '../memory/memory-tier.js';
import { currentAgeMs } from '../semantics/freshness.js';
import type { SharedFetches } from '../shared-fetch.js';
import type { VariantIndex } from '../variant-index.js';
import { addressOf, isMeant, type Purge } from './purge.js';
import type { Place, PurgeJournal } from './purge-journal.js';

export interface PurgedSpace {
  readonly tier: MemoryTier;
  readonly large: LargeBodies;
  readonly variants: VariantIndex;
  readonly fetches: SharedFetches;
  readonly hitForMiss: HitForMiss;
  readonly metrics: EdgeMetrics;
  readonly now: () => number;
  readonly log: Log;
}

/** Everything, as stale. */
export const everythingStale: Purge = { kind: 'prefix', value: '/', soft: true };

const waitersMax = 4096;

export class Purges {
  readonly #space: PurgedSpace;
  readonly #journal: PurgeJournal;
  readonly #waiters = new Set<() => void>();
  #draining = false;

  constructor(space: PurgedSpace, journal: PurgeJournal) {
    this.#space = space;
    this.#journal = journal;
  }

  get place(): Place {
    return this.#journal.place;
  }

  after(place: Place): readonly Purge[] | null {
    return this.#journal.after(place);
  }

  /** How many kept answers it meant. Throws where the journal can't be written; it is carried out all the same. */
  carryOut(purge: Purge): number {
    const found = this.#forget(purge);
    this.#space.metrics.purged(purge.kind, found);
    this.#space.log.info({ ...purge, found }, 'purged');
    try {
      this.#journal.append(purge, this.#space.now());
    } finally {
      for (const wake of this.#waiters) wake();
    }
    return found;
  }

  /** What is left of an answer that was kept on disk, where it was not asked: its head, or the same as stale; null: nothing. */
  judge(name: string, head: StoredHead): StoredHead | null {
    const since = this.#journal.since(head.freshness.receivedAt);
    const address = addressOf(name);
    const meant = since?.filter((purge) => isMeant(purge, address, head.headers)) ?? [everythingStale];
    if (meant.some(({ soft }) => !soft)) return null;
    return meant.length === 0 ? head : staleHead(head, this.#space.now());
  }

  /** Resolves with the next purge, when the time is over, or when the signal fires; at once where too many wait already. */
  next(waitMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#draining || this.#waiters.size >= waitersMax) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      signal.addEventListener('abort', done, { once: true });
      this.#waiters.add(done);
    });
  }

  /** Lets go of those who wait, and of all who come later. */
  drain(): void {
    this.#draining = true;
    for (const wake of this.#waiters) wake();
  }

  close(): void {
    this.drain();
    this.#journal.close();
  }

  #forget(purge: Purge): number {
    const { tier, large, variants, fetches, hitForMiss, now } = this.#space;
    const meant = [...tier.kept()].filter(({ key, head }) => isMeant(purge, addressOf(key), head.headers));
    for (const object of meant) {
      if (purge.soft) object.head = staleHead(object.head, now());
      else tier.remove(object.key);
    }
    // What is on its way was asked for before: of a tag nobody knows yet whether it will be there.
    const isMeantName = (name: string) => purge.kind === 'tag' || isMeant(purge, addressOf(name), []);
    fetches.invalidateWhere(isMeantName);
    large.forgetWhere(isMeantName);
    if (purge.kind === 'url') {
      variants.forget(purge.value);
      hitForMiss.forget(purge.value);
    }
    return meant.length;
  }
}

/** Its lifetime ends now. */
function staleHead(head: StoredHead, now: number): StoredHead {
  const { freshness } = head;
  const lifetimeMs = Math.min(freshness.lifetimeMs, currentAgeMs(freshness, now));
  return { ...head, freshness: { ...freshness, lifetimeMs } };
}
