import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chosenBy, hashKey, hashOf, type NameHash } from './name-hash.js';
import { ObjectIndex, type Place } from './object-index.js';
import { SeenNames } from './seen-names.js';

/** Few of them, and all alike in the bits that choose a slot: they crowd. */
const crowded: fc.Arbitrary<NameHash> = fc.record({
  low: fc.nat(7).map((n) => (n % 4) * 2 ** 20 + 1020 + n),
  high: fc.nat(3),
});
const place: fc.Arbitrary<Place> = fc.record({
  ...{ segment: fc.integer({ min: 1, max: 3 }), offset: fc.nat(), bytes: fc.nat(1000), freshUntilSec: fc.nat() },
});

describe('the index of a disk', () => {
  it('does what a map does', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), hash: crowded, place }),
      fc.record({ do: fc.constant('delete' as const), hash: crowded }),
      fc.record({ do: fc.constant('deleteSegment' as const), segment: fc.integer({ min: 1, max: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const index = new ObjectIndex();
        const model = new Map<string, { hash: NameHash; place: Place }>();
        for (const step of steps) {
          if (step.do === 'set') {
            index.set(step.hash, step.place);
            model.set(hashKey(step.hash), step);
          } else if (step.do === 'delete') {
            expect(index.delete(step.hash)).toBe(model.delete(hashKey(step.hash)));
          } else {
            const gone = [...model].filter(([, kept]) => kept.place.segment === step.segment);
            expect(index.deleteSegment(step.segment)).toBe(gone.length);
            for (const [key] of gone) model.delete(key);
          }
          for (const kept of model.values()) expect(index.find(kept.hash)).toEqual(kept.place);
          expect(index.size).toBe(model.size);
          expect(index.bytes).toBe([...model.values()].reduce((sum, kept) => sum + kept.place.bytes, 0));
        }
      }),
    );
  });

  it('grows, and loses nothing', () => {
    const index = new ObjectIndex();
    const hashes = Array.from({ length: 100_000 }, (_, n) => hashOf(`/object/${n}`));
    for (const [n, hash] of hashes.entries())
      index.set(hash, { segment: 1 + (n % 7), offset: n, bytes: 1, freshUntilSec: 0 });
    expect(index.size).toBe(100_000);
    expect(hashes.every((hash, n) => index.find(hash)?.offset === n)).toBe(true);
    expect(index.has(hashOf('/object/100000'))).toBe(false);
  });

  it('knows what was read since it was written', () => {
    const index = new ObjectIndex();
    const [read, unread] = [hashOf('read'), hashOf('unread')];
    for (const hash of [read, unread]) index.set(hash, { segment: 1, offset: 0, bytes: 1, freshUntilSec: 0 });
    index.markRead(read);
    expect(index.inSegment(1, 'read')).toEqual([read]);
    index.set(read, { segment: 2, offset: 0, bytes: 1, freshUntilSec: 0 });
    expect(index.inSegment(2, 'read')).toEqual([]);
  });
});

describe('the choice of a disk', () => {
  const disks = [
    { seed: hashOf('/cache1').low, bytesMax: 100 },
    { seed: hashOf('/cache2').low, bytesMax: 300 },
    { seed: hashOf('/cache3').low, bytesMax: 100 },
  ];
  const names = Array.from({ length: 10_000 }, (_, n) => hashOf(`/name/${n}`));

  it('gives each its share, by size', () => {
    const counts = disks.map((disk) => names.filter((name) => chosenBy(name, disks) === disk).length);
    expect(counts.map((count) => Math.round(count / 500))).toEqual([4, 12, 4]);
  });

  it('moves only the names of a disk that has gone', () => {
    const left = disks.slice(0, 2);
    const moved = names.filter((name) => chosenBy(name, disks) !== chosenBy(name, left));
    expect(moved.every((name) => chosenBy(name, disks) === disks[2])).toBe(true);
    expect(chosenBy(hashOf('x'), [])).toBeUndefined();
  });
});

describe('the names that were seen', () => {
  it('are known again, and few others are', () => {
    const seen = new SeenNames();
    const names = Array.from({ length: 50_000 }, (_, n) => hashOf(`/name/${n}`));
    expect(names.filter((name) => seen.see(name)).length).toBeLessThan(500);
    expect(names.every((name) => seen.see(name))).toBe(true);
  });

  it('are forgotten after many others', () => {
    const seen = new SeenNames();
    const first = Array.from({ length: 1000 }, (_, n) => hashOf(`/first/${n}`));
    for (const name of first) seen.see(name);
    for (let n = 0; n < 1_000_000; n += 1)
      seen.see({ low: Math.imul(n, 0x9e3779b1) >>> 0, high: Math.imul(n, 0x85ebca6b) >>> 0 });
    expect(first.filter((name) => seen.see(name)).length).toBeLessThan(100);
  });
});
