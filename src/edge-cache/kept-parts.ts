/**
 * Parts of bodies that came by themselves (206), kept apart from the whole until all of it is here (RFC 9111 §3.3, §3.4).
 *
 * Each part is an object of its own in memory. Parts that overlap or touch, and have the same strong entity tag, become one; one that has everything
 * becomes the whole. Of what is shown to be of another body, only the newer is kept. Bounded: addresses by count, the parts of each by `partsMax`, their
 * bytes by the memory tier. Lives as long as the edge.
 */
import { LRUCache } from 'lru-cache';
import { CachedObject, type StoredHead } from './memory/cached-object.js';
import type { MemoryTier } from './memory/memory-tier.js';
import { joinedPlace, type PartPlace, partPlace } from './semantics/part-place.js';
import { joinedHead } from './semantics/stored-head.js';

export interface KeptPart {
  readonly object: CachedObject;
  readonly place: PartPlace;
}

const addressesMax = 10_000;
const partsMax = 8;

export class KeptParts {
  readonly #tier: MemoryTier;
  readonly #objectBytesMax: number;
  /** What they are kept under, by the name of the whole; the newest first. */
  readonly #byName = new LRUCache<string, readonly string[]>({ max: addressesMax });

  constructor(tier: MemoryTier, objectBytesMax: number) {
    this.#tier = tier;
    this.#objectBytesMax = objectBytesMax;
  }

  /** Fresh or stale, the newest first. */
  of(name: string): readonly KeptPart[] {
    return (this.#byName.get(name) ?? []).flatMap((key) => {
      const object = this.#tier.get(key);
      const place = object && partPlace(object.head.headers);
      return object && place ? { object, place } : [];
    });
  }

  /** The largest from which the whole is only one request away: it has the beginning or the end of a body that can be told by its tag. */
  completable(name: string): KeptPart | null {
    const found = this.of(name).filter(
      ({ object, place }) => isStrong(object) && (place.first === 0 || place.last === place.total - 1),
    );
    return found.sort((one, other) => sizeOf(other.place) - sizeOf(one.place))[0] ?? null;
  }

  /** All of this part is here. */
  keep(name: string, object: CachedObject): void {
    const place = partPlace(object.head.headers);
    if (place === null) throw new Error('a part must say its place');
    const others = this.of(name).filter(({ object: { key } }) => key !== object.key);
    this.#tier.put(object, 'memory alone');
    let newest: KeptPart = { object, place };
    const apart: KeptPart[] = [];
    for (const other of others) {
      if (!mayBeOfSameBody(newest, other)) {
        this.#tier.remove(other.object.key);
        continue;
      }
      const both = isStrong(newest.object) ? this.#join(name, newest, other) : null;
      if (both === null) apart.push(other);
      else newest = both;
    }
    if (sizeOf(newest.place) === place.total && this.#becomesWhole(name, newest)) return;
    const kept = [newest, ...apart].map(({ object: { key } }) => key);
    for (const key of kept.slice(partsMax)) this.#tier.remove(key);
    this.#byName.set(name, kept.slice(0, partsMax));
  }

  /** They are out of date, or no longer of use. */
  forget(name: string): void {
    for (const key of this.#byName.get(name) ?? []) this.#tier.remove(key);
    this.#byName.delete(name);
  }

  /** Null: there is a gap between them, or no room for both in one. */
  #join(name: string, newer: KeptPart, older: KeptPart): KeptPart | null {
    const place = joinedPlace(newer.place, older.place);
    if (place === null) return null;
    const [front, back] = newer.place.first <= older.place.first ? [newer, older] : [older, newer];
    const head = joinedHead(newer.object.head, older.object.head, place);
    const object = this.#make(partName(name, place), head, [
      { part: front, without: 0 },
      { part: back, without: sizeOf(back.place) - (place.last - front.place.last) },
    ]);
    if (object === null) return null;
    // Before it is put there: one of them may have had its name.
    for (const part of [front, back]) this.#tier.remove(part.object.key);
    this.#tier.put(object, 'memory alone');
    return { object, place };
  }

  #becomesWhole(name: string, part: KeptPart): boolean {
    const { head, key } = part.object;
    const whole = this.#make(name, joinedHead(head, head, null), [{ part, without: 0 }]);
    if (whole === null) return false;
    this.#tier.remove(key);
    this.forget(name);
    this.#tier.put(whole);
    return true;
  }

  /** Of these, each without its first bytes. Null: there is no room. */
  #make(key: string, head: StoredHead, from: readonly { part: KeptPart; without: number }[]): CachedObject | null {
    // To make room, memory may let go of them.
    const readers = from.map(({ part }) => part.object.openReader(0));
    try {
      const length = from.reduce((sum, { part, without }) => sum + Math.max(0, sizeOf(part.place) - without), 0);
      const object = CachedObject.open({ key, head, length, bytesMax: this.#objectBytesMax, room: this.#tier });
      if (object === null) return null;
      for (const { part, without } of from) void object.append(part.object.view(without, sizeOf(part.place)));
      if (object.complete()) return object;
      object.letGo();
      return null;
    } finally {
      for (const reader of readers) reader.close();
    }
  }
}

/** Under which a part of a body is kept. No name of anything else contains two spaces, but those of blocks, which go on with a number. */
export const partName = (name: string, { first, last, total }: PartPlace): string =>
  `${name}  part ${first}-${last}/${total}`;

const sizeOf = ({ first, last }: PartPlace): number => last - first + 1;

/** RFC 9110 §8.8.1. */
const isStrong = ({ head: { etag } }: CachedObject): boolean => etag?.startsWith('"') === true;

/** Nothing says that it is not. */
const mayBeOfSameBody = (one: KeptPart, other: KeptPart): boolean =>
  one.place.total === other.place.total && one.object.head.etag === other.object.head.etag;
