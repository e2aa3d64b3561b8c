import { LRUCache } from 'lru-cache';

const ADDRESSES_MAX = 10_000;
const WINDOW_MS = 60_000;
const FAILURES_PER_ADDRESS = 10;
const FAILURES_IN_ALL = 600;

/** Failed attempts to sign in, by address and in all, within a minute from the first: more are not even looked at. */
export class Attempts {
  readonly #failures = new LRUCache<string, number>({ max: ADDRESSES_MAX, ttl: WINDOW_MS });

  allowed(address: string): boolean {
    return this.#count(address) < FAILURES_PER_ADDRESS && this.#count(EVERYBODY) < FAILURES_IN_ALL;
  }

  failed(address: string): void {
    for (const who of [address, EVERYBODY]) {
      // The window begins with its first failure and is not prolonged by later ones.
      this.#failures.set(who, this.#count(who) + 1, { noUpdateTTL: true });
    }
  }

  #count(who: string): number {
    return this.#failures.get(who) ?? 0;
  }
}

const EVERYBODY = '*';
