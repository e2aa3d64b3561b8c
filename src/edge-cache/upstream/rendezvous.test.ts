import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, chooseServer, seedOf } from './rendezvous.js';

interface Named extends Candidate {
  readonly name: string;
  underWay: number;
}

const server = (name: string, weight = 1): Named => ({ name, seed: seedOf(name), weight, underWay: 0 });
const servers = (count: number): Named[] => Array.from({ length: count }, (_, at) => server(`10.0.0.${at}:80`));
const keys = Array.from({ length: 20_000 }, (_, at) => `/media/b_${at % 97}/v720/${at}.m4s`);
const shares = (all: readonly Named[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const key of keys) {
    const name = chooseServer(key, all)?.name ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1 / keys.length);
  }
  return counts;
};

const fleet = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 2, maxLength: 12 });
const weight = fc.double({ min: 0.1, max: 100, noNaN: true });

describe('the choice of a server', () => {
  it.each([2, 3, 5, 8])('gives each of %i alike its part of the addresses', (count) => {
    const found = shares(servers(count));
    expect(found.size).toBe(count);
    for (const share of found.values()) expect(Math.abs(share - 1 / count)).toBeLessThan(0.02);
  });

  it('goes by weight', () => {
    const found = shares([server('a', 1), server('b', 2), server('c', 5)]);
    expect(found.get('a')).toBeCloseTo(1 / 8, 1);
    expect(found.get('b')).toBeCloseTo(2 / 8, 1);
    expect(found.get('c')).toBeCloseTo(5 / 8, 1);
  });

  it('is of nobody where there is nobody', () => expect(chooseServer('/a', [])).toBeNull());

  it('moves only the addresses of a server that leaves', () => {
    fc.assert(
      fc.property(fleet, fc.string(), fc.nat(), (names, key, at) => {
        const all = names.map((name) => server(name));
        const leaving = all[at % all.length];
        const before = chooseServer(key, all);
        const after = chooseServer(
          key,
          all.filter((each) => each !== leaving),
        );
        expect(after).not.toBe(leaving);
        if (before !== leaving) expect(after).toBe(before);
      }),
    );
  });

  it('moves addresses only to a server that gains weight', () => {
    fc.assert(
      fc.property(fleet, fc.string(), fc.nat(), weight, weight, (names, key, at, from, to) => {
        const growing = at % names.length;
        const [low, high] = [Math.min(from, to), Math.max(from, to)];
        const chosen = (its: number) =>
          chooseServer(
            key,
            names.map((name, index) => server(name, index === growing ? its : 1)),
          )?.name;
        const [before, after] = [chosen(low), chosen(high)];
        if (before === names[growing]) expect(after).toBe(before);
        else expect([before, names[growing]]).toContain(after);
      }),
    );
  });

  it('does not depend on the order of the servers', () => {
    fc.assert(
      fc.property(fleet, fc.string(), (names, key) => {
        const all = names.map((name) => server(name));
        expect(chooseServer(key, all.toReversed())).toBe(chooseServer(key, all));
      }),
    );
  });

  it('bounds what one server has in hand, though all ask for the same', () => {
    fc.assert(
      fc.property(
        fc.array(weight, { minLength: 2, maxLength: 8 }),
        fc.integer({ min: 1, max: 600 }),
        (weights, asked) => {
          const all = weights.map((its, at) => server(`s${at}`, its));
          const total = weights.reduce((sum, its) => sum + its, 0);
          for (let times = 1; times <= asked; times += 1) {
            const chosen = chooseServer('/the-final', all);
            expect(chosen).not.toBeNull();
            if (chosen === null) return;
            chosen.underWay += 1;
            // One more where the share is a whole number but for its last bits.
            const most = Math.max(16, Math.ceil(((1.25 * times * chosen.weight) / total) * (1 + 1e-9)));
            expect(chosen.underWay).toBeLessThanOrEqual(most);
          }
        },
      ),
      { numRuns: 50, examples: [[[0.1, 0.10000000000000002], 104]] },
    );
  });

  it('leaves addresses where they are while there is little to do', () => {
    const all = servers(3);
    const home = chooseServer('/a', all);
    if (home) home.underWay = 15;
    expect(chooseServer('/a', all)).toBe(home);
    if (home) home.underWay = 16;
    expect(chooseServer('/a', all)).not.toBe(home);
  });
});
