/**
 * Under which name an address's answer is kept: its key, or, where answers vary (RFC 9111 §4.1), its key and variant.
 *
 * Text that the origin compresses has two variants from the start, whatever browsers write into Accept-Encoding: were that
 * learned only from the first answer, all that wait for the same part, but in the other coding, would have to ask again.
 *
 * Bounded by count; forgetting an address costs a fetch. Lives as long as the edge.
 */
import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { HeaderPairs } from './semantics/header-fields.js';
import { namesIn, variantOf } from './semantics/vary.js';

/** How the text of one address is sent. */
export type Coding = 'gzip' | 'plain';

/** An address, and in which coding it is asked for; null where the origin has only one, as far as we know. */
export interface VariantAsked {
  readonly key: string;
  readonly coding: Coding | null;
}

export interface Variation {
  readonly names: readonly string[];
  /** Never used twice, by no edge, so that forgotten variants are never found again, on disk either. */
  readonly generation: number;
}

const addressesMax = 10_000;

export class VariantIndex {
  readonly #byKey = new LRUCache<string, Variation>({ max: addressesMax });
  /** Told of each address whose variants are out of date. */
  whenForgotten: (key: string) => void = () => {};
  #generations = randomInt(2 ** 47);

  /** The name for what a request with these headers selects. */
  name(asked: VariantAsked, headers: () => HeaderPairs): string {
    const key = codedKey(asked);
    const variation = this.#byKey.get(key);
    return variation === undefined ? key : nameOf(key, variation, headers());
  }

  varies(asked: VariantAsked): boolean {
    return this.#byKey.has(codedKey(asked));
  }

  /** An answer to `request` has come that varies on `vary`: the name to keep it under. */
  learn(asked: VariantAsked, vary: readonly string[], request: HeaderPairs): string {
    const key = codedKey(asked);
    const names = asked.coding === null ? vary : vary.filter((name) => name !== 'accept-encoding');
    if (names.length === 0) {
      this.#forget(key);
      return key;
    }
    const known = this.#byKey.get(key);
    if (known !== undefined && known.names.join() === names.join()) return nameOf(key, known, request);
    this.#forget(key);
    this.#generations += 1;
    const variation = { names, generation: this.#generations };
    this.#byKey.set(key, variation);
    return nameOf(key, variation, request);
  }

  /** As a disk remembers it from before a restart: the name that this request selects. */
  restore(asked: VariantAsked, variation: Variation, request: HeaderPairs): string {
    const key = codedKey(asked);
    if (!this.#byKey.has(key)) this.#byKey.set(key, variation);
    return this.name(asked, () => request);
  }

  /** All variants of an address are out of date. */
  forget(key: string): void {
    for (const coding of codings) this.#forget(codedKey({ key, coding }));
  }

  /** As another index has it. */
  set(key: string, variation: Variation): void {
    this.#byKey.set(key, variation);
  }

  #forget(key: string): void {
    if (this.#byKey.delete(key)) this.whenForgotten(key);
  }
}

const codings: readonly Coding[] = ['gzip', 'plain'];

/** The names that an address may have without having varied yet. */
export const plainNames = (key: string): string[] => codings.map((coding) => codedKey({ key, coding }));

/** No address contains a space. */
function codedKey({ key, coding }: VariantAsked): string {
  return coding === 'gzip' ? `${key} gzip` : key;
}

function nameOf(key: string, variation: Variation, request: HeaderPairs): string {
  return `${key} ${variation.generation} ${variantOf(variation.names, request)}`;
}

/** What a varied name says of its address: `key`, the name that this has without variants. Null: it does not vary. */
export function variationOf(name: string): { readonly key: string; readonly variation: Variation } | null {
  const [, key, generation, values] = /^(\S+(?: gzip)?) (\d+) (\[.*\])$/s.exec(name) ?? [];
  if (key === undefined || values === undefined) return null;
  return { key, variation: { names: namesIn(values), generation: Number(generation) } };
}
