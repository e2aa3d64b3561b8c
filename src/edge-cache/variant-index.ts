/**
 * Under which name an address's answer is kept: its key, or, where answers vary (RFC 9111 §4.1), its key and variant.
 *
 * Bounded by count; forgetting an address costs a fetch. Lives as long as the edge.
 */
import { LRUCache } from 'lru-cache';
import type { HeaderPairs } from './header-fields.js';
import { variantOf } from './vary.js';

interface Variation {
  readonly names: readonly string[];
  /** Never used twice, so that forgotten variants are never found again. */
  readonly generation: number;
}

const addressesMax = 10_000;

export class VariantIndex {
  readonly #byKey = new LRUCache<string, Variation>({ max: addressesMax });
  #generations = 0;

  /** The name for what a request with these headers selects. */
  name(key: string, headers: () => HeaderPairs): string {
    const variation = this.#byKey.get(key);
    return variation === undefined ? key : nameOf(key, variation, headers());
  }

  varies(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** An answer to `request` has come that varies on `names`: the name to keep it under. */
  learn(key: string, names: readonly string[], request: HeaderPairs): string {
    if (names.length === 0) {
      this.#byKey.delete(key);
      return key;
    }
    const known = this.#byKey.get(key);
    if (known !== undefined && known.names.join() === names.join()) return nameOf(key, known, request);
    this.#generations += 1;
    const variation = { names, generation: this.#generations };
    this.#byKey.set(key, variation);
    return nameOf(key, variation, request);
  }

  /** All variants of an address are out of date. */
  forget(key: string): void {
    this.#byKey.delete(key);
  }
}

function nameOf(key: string, variation: Variation, request: HeaderPairs): string {
  return `${key} ${variation.generation} ${variantOf(variation.names, request)}`;
}
