import { gateNames } from '../gates/gate-metrics.js';

const names = ['hits', 'bytes', 'refused', 'linesLost', ...gateNames] as const;
export type CountName = (typeof names)[number];

/** What one thread counts and another looks up. Whole numbers, so that one of them is never seen half written: only its own thread writes it. */
export class ThreadCounts {
  /** For another thread to make its own view of. */
  readonly shared: SharedArrayBuffer;
  readonly #counts: Float64Array;
  readonly #seen = new Map<CountName, number>();

  static make(): ThreadCounts {
    return new ThreadCounts(new SharedArrayBuffer(names.length * 8));
  }

  constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#counts = new Float64Array(shared);
  }

  add(name: CountName, more: number): void {
    const at = names.indexOf(name);
    this.#counts[at] = (this.#counts[at] ?? 0) + more;
  }

  /** How many have come since this was last asked. */
  taken(name: CountName): number {
    const now = this.#counts[names.indexOf(name)] ?? 0;
    const before = this.#seen.get(name) ?? 0;
    this.#seen.set(name, now);
    return now - before;
  }
}
