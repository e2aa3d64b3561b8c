import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientAccounts, rateOf } from './client-accounts.js';
import type { IpAddress } from './ip-address.js';

const client = (last: number): IpAddress => ({ family: 4, words: [0, 0, 0, last] });

describe('accounts of clients', () => {
  it('let as much pass as a bucket of tokens does', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 60 });
    const rates = { perSec: fc.constantFrom(0.5, 1, 4, 20, 250), burst: fc.integer({ min: 1, max: 12 }) };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), steps, fc.record(rates), (start, waits, { perSec, burst }) => {
        const accounts = ClientAccounts.make();
        let now = 1_700_000_000_000 + start;
        const place = accounts.open(client(1), now) ?? -1;
        let tokens = burst;
        for (const wait of waits) {
          now += wait;
          tokens = Math.min(burst, tokens + (wait / 1000) * perSec);
          const waitSec = accounts.book(place, now, rateOf(perSec, burst));
          expect(waitSec === 0).toBe(tokens >= 1 - 1e-9);
          if (waitSec > 0) expect(waitSec).toBeCloseTo((1 - tokens) / perSec, 5);
          else tokens -= 1;
        }
      }),
    );
  });

  it('let the next pass exactly when its time has come, whenever that is', () => {
    const accounts = ClientAccounts.make();
    const limit = rateOf(2, 1);
    for (let at = 0; at < 1000; at += 1) {
      const now = 1_790_000_000_000 + at;
      const place = accounts.open(client(at), now) ?? -1;
      const passes = [0, 499, 500].map((wait) => accounts.book(place, now + wait, limit) === 0);
      expect(passes).toEqual([true, false, true]);
    }
  });

  it('know more clients than may be known, and forget of them first who has nothing booked', () => {
    const accounts = ClientAccounts.make();
    const limit = rateOf(0.01, 1);
    const now = 1_700_000_000_000;
    const busy = Array.from({ length: 2000 }, (_, at) => client(at));
    for (const each of busy) expect(accounts.book(accounts.open(each, now) ?? -1, now, limit)).toBe(0);
    const others = Array.from({ length: 400_000 }, (_, at) => accounts.open(client(1_000_000 + at), now));
    expect(others).not.toContain(null);
    const known = busy.filter((each) => accounts.book(accounts.open(each, now) ?? -1, now, limit) > 0);
    expect(known.length).toBe(busy.length);
  });

  it('keep whoever has requests under way, and take nobody in their place', () => {
    const accounts = ClientAccounts.make();
    const places: number[] = [];
    const entered: boolean[] = [];
    for (let at = 0; at < 200_000; at += 1) {
      const place = accounts.open(client(at), 0);
      if (place === null) continue;
      places.push(place);
      entered.push(accounts.enter(place, 1), !accounts.enter(place, 1));
    }
    expect(entered).not.toContain(false);
    expect(new Set(places).size).toBe(places.length);
    // Of 131,072: few places stay empty, since addresses that follow each other are spread over all of them.
    expect(places.length).toBeGreaterThan(125_000);
    for (const place of places) accounts.leave(place);
    expect(accounts.open(client(300_000), 0)).not.toBeNull();
  });

  it('are the same for each view of them', () => {
    const [one, other] = [ClientAccounts.make()].flatMap((made) => [made, new ClientAccounts(made.shared)]);
    const place = one?.open(client(7), 0) ?? -1;
    expect(other?.open(client(7), 0)).toBe(place);
    expect(one?.enter(place, 1)).toBe(true);
    expect(other?.enter(place, 1)).toBe(false);
  });
});
