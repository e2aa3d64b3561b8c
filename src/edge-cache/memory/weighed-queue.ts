/** Entries in the order in which they came, each with a weight in bytes. Any of them can leave, in constant time. */

export interface Queued<Entry> {
  readonly entry: Entry;
  readonly bytes: number;
  /** When it came into its queue, on a clock of the queue's owner. */
  since: number;
  newer: Queued<Entry> | null;
  older: Queued<Entry> | null;
}

export class WeighedQueue<Entry> {
  #newest: Queued<Entry> | null = null;
  #oldest: Queued<Entry> | null = null;

  get oldest(): Queued<Entry> | null {
    return this.#oldest;
  }

  /** It must be in no queue. */
  add(item: Queued<Entry>): void {
    item.older = this.#newest;
    if (this.#newest === null) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
  }

  /** It must be in this queue. */
  remove(item: Queued<Entry>): void {
    const { older, newer } = item;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    item.newer = null;
    item.older = null;
  }
}
