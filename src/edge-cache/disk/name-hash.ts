/** What stands for a name on disks and in their indexes. Pure. */
import { createHash } from 'node:crypto';

/** 64 bits as two unsigned halves. Two names with one hash are told apart when a record is read, for it holds its name. */
export interface NameHash {
  readonly low: number;
  readonly high: number;
}

export function hashOf(name: string): NameHash {
  const digest = createHash('sha1').update(name).digest();
  return { low: digest.readUInt32LE(0), high: digest.readUInt32LE(4) };
}

export const isSameHash = (one: NameHash, other: NameHash): boolean => one.low === other.low && one.high === other.high;

/** For maps. */
export const hashKey = ({ low, high }: NameHash): string => `${high.toString(36)}.${low.toString(36)}`;

/** Weighted rendezvous hashing: a disk that comes or goes moves no name but its own. Undefined where there is none. */
export function chosenBy<Place extends { readonly seed: number; readonly bytesMax: number }>(
  hash: NameHash,
  places: Iterable<Place>,
): Place | undefined {
  let best: Place | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const place of places) {
    const score = -place.bytesMax / Math.log(unitOf(hash, place.seed));
    if (score <= bestScore) continue;
    best = place;
    bestScore = score;
  }
  return best;
}

/** Strictly between 0 and 1. */
function unitOf({ low, high }: NameHash, seed: number): number {
  return (mixed(mixed(low ^ seed) ^ high) + 0.5) / 2 ** 32;
}

/** Spreads each bit over all of 32 (the finalizer of MurmurHash3). */
function mixed(bits: number): number {
  let h = bits >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
