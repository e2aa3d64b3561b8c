import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentAgeMs, freshForMs, keeping, type ReceivedHead } from './freshness.js';

const now = Date.UTC(2024, 0, 1, 12, 0, 0);
const date = (offsetSec = 0) => new Date(now + offsetSec * 1000).toUTCString();

function head(headers: Record<string, string>, more: Partial<ReceivedHead> = {}): ReceivedHead {
  return { status: 200, headers: Object.entries(headers), askedAt: now, receivedAt: now, ...more };
}

/** Its lifetime and its age on arrival in seconds, or why it may not be kept. */
function verdict(headers: Record<string, string>, more: Partial<ReceivedHead> = {}, authorized = false): unknown {
  const outcome = keeping(head(headers, more), authorized);
  if (!outcome.keep) return outcome.reason;
  return [outcome.freshness.lifetimeMs / 1000, outcome.freshness.initialAgeMs / 1000];
}

describe('what a shared cache may keep (RFC 9111 §3)', () => {
  it.each([
    [{ 'cache-control': 'max-age=5' }, [5, 0]],
    [{ 'cache-control': 'max-age=5, s-maxage=9' }, [9, 0]],
    [{ 'cache-control': 's-maxage=0, max-age=5' }, 'no-lifetime'],
    [{ 'cache-control': 'max-age=5', expires: date(99) }, [5, 0]],
    [{ 'cache-control': 'max-age=bad', expires: date(99) }, 'no-lifetime'],
    [{ expires: date(99) }, [99, 0]],
    [{ expires: date(99), date: date(-10) }, [109, 10]],
    [{ expires: '0' }, 'no-lifetime'],
    [{ 'cache-control': 'no-store, max-age=5' }, 'no-store'],
    [{ 'cache-control': 'private, max-age=5' }, 'private'],
    [{ 'cache-control': 'no-cache, max-age=5' }, 'no-cache'],
    [{ 'cache-control': 'no-cache="x y", max-age=5' }, 'no-cache'],
    [{ 'cache-control': 'no-cache="x", max-age=5' }, [5, 0]],
    [{ 'cache-control': 'private="x, y", max-age=5' }, [5, 0]],
    [{ 'cache-control': 'max-age=5', 'set-cookie': 'a=1' }, 'set-cookie'],
    [{ 'cache-control': 'max-age=5', vary: 'accept, *' }, 'vary-star'],
    [{ 'cache-control': 'immutable, public' }, 'no-lifetime'],
    [{}, 'no-lifetime'],
  ])('%o', (headers, expected) => {
    expect(verdict(headers as Record<string, string>)).toEqual(expected);
  });

  it.each([
    ['max-age=5', 'authorization'],
    ['max-age=5, public', [5, 0]],
    ['s-maxage=5', [5, 0]],
    ['max-age=5, must-revalidate', [5, 0]],
  ])('answers to credentials under %s', (directive, expected) => {
    expect(verdict({ 'cache-control': directive }, {}, true)).toEqual(expected);
  });

  it.each([
    [206, 'status'],
    [304, 'status'],
    [404, [5, 0]],
    [301, [5, 0]],
    [500, [5, 0]],
  ])('status %i with a lifetime', (status, expected) => {
    expect(verdict({ 'cache-control': 'max-age=5' }, { status })).toEqual(expected);
  });
});

describe('age (RFC 9111 §4.2.3)', () => {
  it('takes the larger of what Date and Age say', () => {
    const lifetime = { 'cache-control': 'max-age=60' };
    expect(verdict({ ...lifetime, age: '7', date: date(-3) })).toEqual([60, 7]);
    expect(verdict({ ...lifetime, age: '3', date: date(-7) })).toEqual([60, 7]);
    expect(verdict({ ...lifetime, age: 'x', date: date(60) })).toEqual([60, 0]);
    expect(verdict({ ...lifetime, age: '7, 9' })).toEqual([60, 7]);
  });

  it('adds the time that the answer took', () => {
    expect(verdict({ 'cache-control': 'max-age=60', age: '7' }, { askedAt: now - 2500 })).toEqual([60, 9.5]);
  });

  it('does not age an answer for the fractions that Date leaves out', () => {
    const received = { askedAt: now + 900, receivedAt: now + 900 };
    expect(verdict({ 'cache-control': 'max-age=1', date: date() }, received)).toEqual([1, 0]);
  });

  it('does not age an answer for a Date that its server renews once a second', () => {
    expect(verdict({ 'cache-control': 'max-age=1', date: date(-1) })).toEqual([1, 0]);
    expect(verdict({ 'cache-control': 'max-age=60', date: date(-2) })).toEqual([60, 2]);
  });

  it('grows with the clock and never falls below what it was', () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.nat(1e6),
        fc.integer({ min: -1e9, max: 1e9 }),
        (lifetimeMs, initialAgeMs, elapsed) => {
          const stale = { forbidden: false, whileRevalidateMs: 0, ifErrorMs: null };
          const freshness = { lifetimeMs, initialAgeMs, receivedAt: now, stale };
          const age = currentAgeMs(freshness, now + elapsed);
          expect(age).toBe(initialAgeMs + Math.max(0, elapsed));
          expect(freshForMs(freshness, now + elapsed)).toBe(elapsed < 0 ? 0 : lifetimeMs - age);
        },
      ),
    );
  });
});
