import { describe, expect, it } from 'vitest';
import { VariantIndex } from './variant-index.js';

const asked = { key: '/a', coding: null };

/** An index, what is kept by its names, and the addresses whose selection it said to have changed. */
function openIndex() {
  const kept = new Set<string>();
  const changed: string[] = [];
  const choose = (names: readonly string[]) => names.find((name) => kept.has(name)) ?? names[0] ?? '';
  const index = new VariantIndex({ has: (name) => kept.has(name), choose });
  index.whenChanged = (key) => changed.push(key);
  const learn = (vary: string[], request: [string, string][]) => {
    const name = index.learn(asked, vary, request);
    kept.add(name);
    return name;
  };
  const name = (...request: [string, string][]) => index.name(asked, () => request);
  return { index, kept, changed, learn, name };
}

describe('the index of variants', () => {
  it('finds what is kept under each list of fields', () => {
    const { learn, name } = openIndex();
    const one = learn(['a'], [['a', '1']]);
    const two = learn(['a', 'b'], [['a', '2']]);
    expect(name(['a', '1'], ['b', '5'])).toBe(one);
    expect(name(['a', '2'])).toBe(two);
    expect([one, two]).not.toContain(name(['a', '2'], ['b', '5']));
  });

  it('knows of what was kept before its address began to vary, until that has left', () => {
    const { index, kept, learn, name } = openIndex();
    expect(learn([], [])).toBe('/a');
    learn(['a'], [['a', '1']]);
    expect(name(['a', '2'])).toBe('/a');
    kept.delete('/a');
    index.left('/a');
    expect(name(['a', '2'])).toMatch(/^\/a \d+ /);
    expect(index.variationsOf('/a')?.lists).toHaveLength(1);
  });

  it('says when requests may select something else, and only then', () => {
    const { changed, learn, index } = openIndex();
    for (const times of [1, 2]) {
      learn(['a'], [['a', '1']]);
      learn(['b'], [['b', '1']]);
      expect(changed, `${times}`).toEqual(['/a', '/a']);
    }
    index.forget('/a');
    expect(changed).toEqual(['/a', '/a', '/a']);
    expect(index.varies(asked)).toBe(false);
  });

  it('forgets a list that the last 64 answers did not have', () => {
    const { learn, index } = openIndex();
    learn(['a'], []);
    for (let times = 0; times < 64; times += 1) learn(['b'], [['b', String(times)]]);
    expect(index.variationsOf('/a')?.lists.map(({ names }) => names)).toEqual([['b'], ['a']]);
    const name = learn(['b'], []);
    expect(index.variationsOf(name)).toEqual({ key: '/a', lists: [expect.objectContaining({ names: ['b'] })] });
  });

  it('does not vary again once no list has fields any more', () => {
    const { learn, index } = openIndex();
    learn(['a'], []);
    for (let times = 0; times < 65; times += 1) expect(learn([], [])).toBe('/a');
    expect(index.varies(asked)).toBe(false);
  });

  it('knows so many addresses as it may, those asked for of late', () => {
    const index = new VariantIndex({ has: () => false, choose: ([name = '']) => name }, 100);
    const addresses = Array.from({ length: 150 }, (_, at) => ({ key: `/${at}`, coding: null }));
    for (const address of addresses.slice(0, 100)) index.learn(address, ['origin'], []);
    const first = index.name({ key: '/0', coding: null }, () => [['origin', 'a']]);
    for (const address of addresses.slice(100, 199)) index.learn(address, ['origin'], []);
    expect(addresses.filter((address) => index.varies(address))).toHaveLength(100);
    expect(index.name({ key: '/0', coding: null }, () => [['origin', 'a']])).toBe(first);
    expect(index.varies({ key: '/1', coding: null })).toBe(false);
  });

  it('knows the addresses of a large cache', () => {
    const { index } = openIndex();
    const addresses = Array.from({ length: 50_000 }, (_, at) => ({ key: `/${at}`, coding: null }));
    for (const address of addresses) index.learn(address, ['origin'], []);
    expect(addresses.every((address) => index.varies(address))).toBe(true);
  });
});
