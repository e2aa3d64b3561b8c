import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Evictable, type Leaving, S3Fifo } from './s3-fifo.js';

const entryOf = (key: string): Evictable => ({ key, uses: 0 });
const openCache = (bytesMax: number) => {
  const left: [string, Leaving][] = [];
  const cache = new S3Fifo<Evictable>({ bytesMax, dispose: ({ key }, reason) => left.push([key, reason]) });
  const put = (prefix: string, count: number, bytes: number) => {
    for (let at = 0; at < count; at += 1) cache.set(entryOf(`${prefix}${at}`), bytes);
  };
  const kept = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, at) => cache.get(`${prefix}${at}`)).filter((entry) => entry !== undefined).length;
  return { cache, left, put, kept };
};

describe('what is kept', () => {
  it('outlasts a walk through ten times as much as there is room for, if it was used', () => {
    const { put, kept } = openCache(1000);
    put('hot', 80, 10);
    expect(kept('hot', 80)).toBe(80);
    put('walk', 1000, 10);
    expect(kept('hot', 80)).toBe(80);
  });

  it('outlasts a walk through many small entries as well', () => {
    const { put, kept } = openCache(100_000);
    put('hot', 8, 10_000);
    expect(kept('hot', 8)).toBe(8);
    put('page', 10_000, 100);
    expect(kept('hot', 8)).toBe(8);
  });

  it('is what is in use now, however much others were used before', () => {
    const { put, kept } = openCache(1000);
    put('spring', 80, 10);
    for (let times = 0; times < 5; times += 1) kept('spring', 80);
    const missing = () => Array.from({ length: 70 }, (_, at) => `summer${at} `).filter((name) => kept(name, 1) === 0);
    for (let times = 0; times < 10; times += 1) for (const name of missing()) put(name, 1, 10);
    expect(missing()).toEqual([]);
  });

  it('goes where nobody used it before what was used', () => {
    const { cache, put, left } = openCache(100);
    put('a', 4, 25);
    cache.get('a0');
    cache.get('a2');
    expect([cache.pop()?.key, cache.pop()?.key]).toEqual(['a1', 'a3']);
    expect(left).toEqual([
      ['a1', 'evicted'],
      ['a3', 'evicted'],
    ]);
  });

  it('goes, of the same age, where it is largest', () => {
    const { cache } = openCache(100_000);
    cache.set(entryOf('small'), 2000);
    cache.set(entryOf('large'), 60_000);
    expect(cache.pop()?.key).toBe('large');
  });

  it('is what comes back soon after it was evicted', () => {
    const { cache, put, kept } = openCache(1000);
    put('used', 80, 10);
    kept('used', 80);
    put('walk', 30, 10);
    expect(cache.get('walk0')).toBeUndefined();
    cache.set(entryOf('walk0'), 10);
    put('more', 100, 10);
    expect(cache.get('walk0')).toBeDefined();
  });

  it('has the uses of what it replaces', () => {
    const { cache, put, left } = openCache(100);
    put('a', 4, 25);
    cache.get('a0');
    cache.set(entryOf('a0'), 20);
    expect(left).toEqual([['a0', 'replaced']]);
    expect(cache.pop()?.key).toBe('a1');
    expect(cache.bytes).toBe(70);
  });

  it('may be as large as all there is, and no larger', () => {
    const { cache, put, left } = openCache(100);
    put('a', 4, 25);
    expect(cache.set(entryOf('whole'), 100)).toBe(true);
    expect([cache.size, cache.bytes]).toEqual([1, 100]);
    expect(cache.set(entryOf('whole'), 101)).toBe(false);
    expect([cache.size, cache.bytes, left.at(-1)]).toEqual([0, 0, ['whole', 'replaced']]);
  });
});

describe('what a step costs', () => {
  it('does not grow with the number of entries, be they all in use', () => {
    const { cache } = openCache(1_000_000);
    let looks = 0;
    const inUse = (key: string): Evictable => ({
      key,
      get uses() {
        looks += 1;
        return 3;
      },
      set uses(_: number) {
        // Its readers are faster.
      },
    });
    for (let at = 0; at < 10_000; at += 1) cache.set(inUse(`a${at}`), 100);
    for (let at = 0; at < 100; at += 1) {
      looks = 0;
      expect(cache.pop()).toBeDefined();
      expect(looks).toBeLessThan(1000);
    }
    expect(cache.size).toBe(9_900);
  });

  it('remembers evicted names in bounds', () => {
    const { cache, put } = openCache(1000);
    put('a', 50_000, 1);
    expect(cache.ghosts.bytes).toBeLessThanOrEqual(500);
    const many = openCache(1_000_000_000);
    many.put('big', 10, 90_000_000);
    for (let at = 0; at < 20_000; at += 1) {
      many.put(`b${at}`, 1, 1);
      many.cache.pop();
    }
    expect(many.cache.ghosts.count).toBeLessThanOrEqual(1000);
  });
});

describe('whatever happens', () => {
  const bytesMax = 1000;
  const key = fc.integer({ min: 0, max: 30 }).map((number) => `k${number}`);
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ act: fc.constant('set' as const), key, bytes: fc.integer({ min: 1, max: 300 }) }),
    },
    { weight: 4, arbitrary: fc.record({ act: fc.constant('get' as const), key }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('remove' as const), key }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('pop' as const) }) },
  );

  it('is within its bytes, finds exactly what has not left, and says of each entry once that it leaves', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const model = new Map<string, { entry: Evictable; bytes: number }>();
        const gone = new Set<Evictable>();
        const cache = new S3Fifo<Evictable>({
          bytesMax,
          dispose: (entry) => {
            expect(gone.has(entry)).toBe(false);
            gone.add(entry);
            expect(model.get(entry.key)?.entry).toBe(entry);
            model.delete(entry.key);
          },
        });
        for (const now of steps) {
          if (now.act === 'set') {
            const entry = entryOf(now.key);
            expect(cache.set(entry, now.bytes)).toBe(true);
            model.set(now.key, { entry, bytes: now.bytes });
          } else if (now.act === 'get') expect(cache.get(now.key)).toBe(model.get(now.key)?.entry);
          else if (now.act === 'remove') {
            const known = model.has(now.key);
            expect(cache.remove(now.key)).toBe(known);
          } else {
            const empty = model.size === 0;
            expect(cache.pop() === undefined).toBe(empty);
          }
          expect(cache.size).toBe(model.size);
          expect(cache.bytes).toBe([...model.values()].reduce((sum, { bytes }) => sum + bytes, 0));
          expect(cache.bytes).toBeLessThanOrEqual(bytesMax);
        }
        while (cache.pop() !== undefined);
        expect([cache.size, cache.bytes, model.size]).toEqual([0, 0, 0]);
      }),
    );
  });
});
