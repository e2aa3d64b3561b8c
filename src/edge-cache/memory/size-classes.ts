/**
 * Queues by size, two sizes in one queue never more than a factor of two apart, so that the entry that is least worth its
 * room is found by a look at the oldest of each.
 */
import { type Queued, WeighedQueue } from './weighed-queue.js';

/** Below 1 KiB all are alike, and above 4 GiB. */
const smallestLog2 = 9;
const classCount = 24;

export class SizeClasses<Entry> {
  readonly #queues = Array.from({ length: classCount }, () => new WeighedQueue<Entry>());
  /** How much a byte more counts against an entry: its size to the power of `sizePower`, by class. */
  readonly #burdens: readonly number[];
  #bytes = 0;

  /** `sizePower`: 0, only age counts; 1, an entry of half the size may be twice as old. */
  constructor(sizePower: number) {
    this.#burdens = this.#queues.map((_, index) => 2 ** (index * sizePower));
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(item: Queued<Entry>, now: number): void {
    item.since = now;
    this.#queueOf(item).add(item);
    this.#bytes += item.bytes;
  }

  remove(item: Queued<Entry>): void {
    this.#queueOf(item).remove(item);
    this.#bytes -= item.bytes;
  }

  /** The one with the largest product of age and burden; null when there is none. */
  leastWorth(now: number): Queued<Entry> | null {
    let found: Queued<Entry> | null = null;
    let most = -1;
    for (let index = 0; index < classCount; index += 1) {
      const oldest = this.#queues[index]?.oldest ?? null;
      if (oldest === null) continue;
      const burden = (now - oldest.since + 1) * (this.#burdens[index] ?? 1);
      if (burden <= most) continue;
      most = burden;
      found = oldest;
    }
    return found;
  }

  #queueOf({ bytes }: Queued<Entry>): WeighedQueue<Entry> {
    const log2 = Math.floor(Math.log2(Math.max(1, bytes)));
    const index = Math.min(classCount - 1, Math.max(0, log2 - smallestLog2));
    return this.#queues[index] as WeighedQueue<Entry>;
  }
}
