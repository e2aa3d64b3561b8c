/**
 * What stays in a cache that is bounded in bytes: S3-FIFO (Yang and others, SOSP 2023), with its queues split by size.
 *
 * An entry's way: absent → *small* (a tenth of the bytes, where the new ones prove themselves) → *main*, if it was used
 * there; else it is evicted, and its name stays for a while as a *ghost*, and one that comes back as a ghost goes into main
 * at once. In main, an entry that was used since it was last looked at goes round again; one that was not is evicted.
 * A walk through the catalogue thus passes through the small part alone.
 *
 * Among the oldest of each size, the one with the largest product of age and size goes first (in main: of age and the square root of
 * size), so that many small entries stay for the room of a large one. Record 0028 has the figures.
 *
 * A use only counts up the entry's `uses`: nothing moves, so whoever reads needs no lock against who evicts. All is O(1), and one
 * eviction looks at no more than `chancesMax` entries. Bounded: entries by `bytesMax`, ghosts by count and by the bytes they had.
 */
import { GhostNames } from './ghost-names.js';
import { SizeClasses } from './size-classes.js';
import type { Queued } from './weighed-queue.js';

export interface Evictable {
  readonly key: string;
  /** How often it was used since it was last looked at, up to 3. Readers count up; only the policy sets it back. */
  uses: number;
}

export type Leaving = 'evicted' | 'replaced' | 'removed';

export interface S3FifoOptions<Entry> {
  readonly bytesMax: number;
  /** Called once for each entry that leaves, when it has left. */
  readonly dispose: (entry: Entry, reason: Leaving) => void;
}

interface Placed<Entry> extends Queued<Entry> {
  isMain: boolean;
}

const usesMax = 3;
const smallPart = 0.1;
/** Of the bytes that may be kept: so many may the ghosts have had. */
const ghostPart = 0.5;
/** And at most so many for each entry that is kept, or in all. */
const ghostsPerEntry = 4;
const ghostsMin = 1000;
/** What is looked at in one eviction; then it hits the next one, used or not. */
const chancesMax = 100;

/** All that a hit does. */
function countUse(entry: Evictable): void {
  if (entry.uses < usesMax) entry.uses += 1;
}

export class S3Fifo<Entry extends Evictable> {
  /** May become less: then what is too much is evicted as something comes in. */
  bytesMax: number;
  readonly #dispose: (entry: Entry, reason: Leaving) => void;
  readonly #byKey = new Map<string, Placed<Entry>>();
  readonly #small = new SizeClasses<Entry>(1);
  readonly #main = new SizeClasses<Entry>(0.5);
  readonly #ghosts = new GhostNames();
  /** Counts what came in: the time by which age is measured. */
  #now = 0;

  constructor({ bytesMax, dispose }: S3FifoOptions<Entry>) {
    this.bytesMax = bytesMax;
    this.#dispose = dispose;
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get ghosts(): { readonly count: number; readonly bytes: number } {
    return this.#ghosts;
  }

  /** All that is kept, in no order; no use. */
  *entries(): Iterable<Entry> {
    for (const { entry } of this.#byKey.values()) yield entry;
  }

  /** Counts as no use. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** Counts as no use. */
  peek(key: string): Entry | undefined {
    return this.#byKey.get(key)?.entry;
  }

  /** Counts as a use. */
  get(key: string): Entry | undefined {
    const entry = this.#byKey.get(key)?.entry;
    if (entry !== undefined) countUse(entry);
    return entry;
  }

  /**
   * Keeps it in place of what had its key, whose uses count for it. `bytes`: at least 1. False when it is larger than all there is; then what had
   * its key is gone nevertheless.
   */
  set(entry: Entry, bytes: number): boolean {
    const before = this.#byKey.get(entry.key);
    if (before !== undefined) this.#leave(before, 'replaced');
    if (bytes > this.bytesMax) return false;
    while (this.bytes + bytes > this.bytesMax) this.pop();
    const wasGhost = this.#ghosts.take(entry.key);
    entry.uses = before?.entry.uses ?? 0;
    this.#now += 1;
    const isMain = before?.isMain ?? wasGhost;
    const item: Placed<Entry> = { entry, bytes, isMain, since: 0, newer: null, older: null };
    this.#byKey.set(entry.key, item);
    this.#part(item).add(item, this.#now);
    return true;
  }

  /** False when there is no such entry. */
  remove(key: string): boolean {
    const item = this.#byKey.get(key);
    if (item === undefined) return false;
    this.#leave(item, 'removed');
    return true;
  }

  /** Evicts what is least worth its room; undefined when there is nothing. */
  pop(): Entry | undefined {
    let item = this.#candidate();
    for (let chances = 1; item !== null && item.entry.uses > 0 && chances < chancesMax; chances += 1) {
      this.#spare(item);
      item = this.#candidate();
    }
    if (item === null) return undefined;
    if (!item.isMain) this.#ghosts.add(item.entry.key, item.bytes);
    this.#leave(item, 'evicted');
    this.#ghosts.shrinkTo(Math.max(ghostsMin, ghostsPerEntry * this.size), ghostPart * this.bytesMax);
    return item.entry;
  }

  #candidate(): Placed<Entry> | null {
    const fromSmall = this.#main.bytes === 0 || this.#small.bytes > smallPart * this.bytes;
    const part = fromSmall ? this.#small : this.#main;
    return part.leastWorth(this.#now) as Placed<Entry> | null;
  }

  /** It was used: on to main, where it has to be used again; or round again there. */
  #spare(item: Placed<Entry>): void {
    const { entry } = item;
    this.#part(item).remove(item);
    entry.uses = item.isMain ? entry.uses - 1 : 0;
    item.isMain = true;
    this.#main.add(item, this.#now);
  }

  #part({ isMain }: Placed<Entry>): SizeClasses<Entry> {
    return isMain ? this.#main : this.#small;
  }

  #leave(item: Placed<Entry>, reason: Leaving): void {
    this.#part(item).remove(item);
    this.#byKey.delete(item.entry.key);
    this.#dispose(item.entry, reason);
  }
}
