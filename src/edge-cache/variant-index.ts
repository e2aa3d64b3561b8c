/**
 * Under which names an address's answers are kept: its key, or, where they vary (RFC 9111 §4.1), its key and variant.
 *
 * Answers of one address may vary on different fields: each list of fields that was seen stands for itself, and a request has one name under each. Which
 * of these it selects is for who keeps the answers to say.
 *
 * Text that the origin compresses has two variants from the start, whatever browsers write into Accept-Encoding: were that
 * learned only from the first answer, all that wait for the same part, but in the other coding, would have to ask again.
 *
 * Bounded by count; forgetting an address or a list costs a fetch. Lives as long as the edge.
 */
import { randomInt } from 'node:crypto';
import { getHeapStatistics } from 'node:v8';
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

/** A list of fields on which answers vary. */
export interface Variation {
  /** Sorted. None: they do not vary, and have the address's own name. */
  readonly names: readonly string[];
  /** Never used twice, by no edge, so that forgotten variants are never found again, on disk either. */
  readonly generation: number;
}

/** All lists of an address; that of its last answer first. */
export interface Variations {
  /** The name that it has without variants. */
  readonly key: string;
  readonly lists: readonly Variation[];
}

/** What is kept under the names. */
export interface KeptVariants {
  has(name: string): boolean;
  /** Of the names that a request has, the one that it selects; that of the list seen last comes first. */
  choose(names: readonly string[]): string;
}

interface Known {
  /** That of the last answer first. */
  readonly lists: readonly SeenList[];
  readonly answers: number;
}

interface SeenList {
  readonly variation: Variation;
  /** How many answers the address had had when it was seen last. */
  readonly seenAt: number;
}

/** An address takes about half a kilobyte of V8's heap, and may be one of so many. */
const heapBytesEach = 16 * 1024;
const addressesMin = 10_000;
const listsMax = 4;
/** A list that none of so many answers had is out of use. */
const unseenMax = 64;
/** Mostly all addresses vary on the same fields. */
const sharedNamesMax = 100;

export class VariantIndex {
  readonly #byKey: LRUCache<string, Known>;
  readonly #sharedNames = new LRUCache<string, readonly string[]>({ max: sharedNamesMax });
  readonly #kept: KeptVariants;
  /** Told of each address whose requests may select something else now. */
  whenChanged: (key: string) => void = () => {};
  #generations = randomInt(2 ** 47);

  /** @param addressesMax default: by what V8 may have. */
  constructor(kept: KeptVariants, addressesMax = Math.max(addressesMin, heapAddresses())) {
    this.#kept = kept;
    // By size, since room for a number of entries would be taken at once.
    this.#byKey = new LRUCache({ maxSize: addressesMax, sizeCalculation: () => 1 });
  }

  /** The name for what a request with these headers selects. */
  name(asked: VariantAsked, headers: () => HeaderPairs): string {
    const key = codedKey(asked);
    const known = this.#byKey.get(key);
    if (known === undefined) return key;
    const names = namesOf(key, known, headers());
    return names.length === 1 && names[0] !== undefined ? names[0] : this.#kept.choose(names);
  }

  /** Whether what is kept under this name is for such a request. */
  selects(asked: VariantAsked, headers: () => HeaderPairs, name: string): boolean {
    const key = codedKey(asked);
    const known = this.#byKey.get(key);
    return known === undefined ? key === name : namesOf(key, known, headers()).includes(name);
  }

  varies(asked: VariantAsked): boolean {
    return this.#byKey.has(codedKey(asked));
  }

  /** Of the address that has this name, or a variant with this name. Null: it does not vary. */
  variationsOf(name: string): Variations | null {
    const key = variationOf(name)?.key ?? name;
    const known = this.#byKey.peek(key);
    return known === undefined ? null : { key, lists: known.lists.map(({ variation }) => variation) };
  }

  /** An answer to `request` has come that varies on `vary`: the name to keep it under. */
  learn(asked: VariantAsked, vary: readonly string[], request: HeaderPairs): string {
    const key = codedKey(asked);
    const names = asked.coding === null ? vary : vary.filter((name) => name !== 'accept-encoding');
    const known = this.#byKey.get(key);
    if (known === undefined && names.length === 0) return key;
    const before = known ?? this.#unvaried(key);
    const answers = before.answers + 1;
    const isMeant = ({ variation }: SeenList) => isSameList(variation.names, names);
    const variation = before.lists.find(isMeant)?.variation ?? this.#list(names);
    const others = before.lists.filter((list) => !isMeant(list) && answers - list.seenAt <= unseenMax);
    this.#change(key, before, { lists: [{ variation, seenAt: answers }, ...others].slice(0, listsMax), answers });
    return nameOf(key, variation, request);
  }

  /** As a disk remembers it from before a restart: the name that this request selects. */
  restore(asked: VariantAsked, lists: readonly Variation[], request: HeaderPairs): string {
    const key = codedKey(asked);
    if (!this.#byKey.has(key)) this.set({ key, lists });
    return this.name(asked, () => request);
  }

  /** Nothing is kept under this name any more. */
  left(name: string): void {
    const known = this.#byKey.get(name);
    if (known === undefined) return;
    this.#change(name, known, { ...known, lists: known.lists.filter(isVaried) });
  }

  /** All variants of an address are out of date. */
  forget(key: string): void {
    for (const coding of codings) {
      const coded = codedKey({ key, coding });
      if (this.#byKey.delete(coded)) this.whenChanged(coded);
    }
  }

  /** As another index has it; without lists: it does not vary. */
  set({ key, lists }: Variations): void {
    if (lists.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, { lists: lists.map((variation) => this.#seen(variation)), answers: 0 });
  }

  /** What is kept of it from before it began to vary is for everybody. */
  #unvaried(key: string): Known {
    const lists = this.#kept.has(key) ? [this.#seen({ names: [], generation: 0 })] : [];
    return { lists, answers: 0 };
  }

  #list(names: readonly string[]): Variation {
    this.#generations += 1;
    return { names: this.#shared(names), generation: this.#generations };
  }

  #seen({ names, generation }: Variation): SeenList {
    return { variation: { names: this.#shared(names), generation }, seenAt: 0 };
  }

  #shared(names: readonly string[]): readonly string[] {
    const text = names.join();
    const shared = this.#sharedNames.get(text) ?? names;
    if (shared === names) this.#sharedNames.set(text, names);
    return shared;
  }

  #change(key: string, before: Known, after: Known): void {
    if (after.lists.some(isVaried)) this.#byKey.set(key, after);
    else this.#byKey.delete(key);
    const variations = before.lists.map(({ variation }) => variation);
    const { lists } = after;
    const isSame = lists.length === variations.length && lists.every(({ variation }) => variations.includes(variation));
    if (!isSame) this.whenChanged(key);
  }
}

const heapAddresses = (): number => Math.floor(getHeapStatistics().heap_size_limit / heapBytesEach);

const isVaried = ({ variation }: SeenList): boolean => variation.names.length > 0;

const isSameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((name, at) => name === other[at]);

const codings: readonly Coding[] = ['gzip', 'plain'];

/** The names that an address may have without having varied yet. */
export const plainNames = (key: string): string[] => codings.map((coding) => codedKey({ key, coding }));

/** No address contains a space. */
function codedKey({ key, coding }: VariantAsked): string {
  return coding === 'gzip' ? `${key} gzip` : key;
}

const namesOf = (key: string, { lists }: Known, request: HeaderPairs): string[] =>
  lists.map(({ variation }) => nameOf(key, variation, request));

function nameOf(key: string, variation: Variation, request: HeaderPairs): string {
  if (variation.names.length === 0) return key;
  return `${key} ${variation.generation} ${variantOf(variation.names, request)}`;
}

/** What a varied name says of its address: `key`, the name that this has without variants. Null: it does not vary. */
export function variationOf(name: string): { readonly key: string; readonly variation: Variation } | null {
  const [, key, generation, values] = /^(\S+(?: gzip)?) (\d+) (\[.*\])$/s.exec(name) ?? [];
  if (key === undefined || values === undefined) return null;
  return { key, variation: { names: namesIn(values), generation: Number(generation) } };
}
