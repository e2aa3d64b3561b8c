import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHttpDate, writeHttpDate } from './http-date.js';

const now = Date.UTC(2024, 0, 1);
const then = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('HTTP dates', () => {
  it.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', then],
    ['Sunday, 06-Nov-94 08:49:37 GMT', then],
    ['Sun Nov  6 08:49:37 1994', then],
    [' Sun, 06 Nov 1994 08:49:37 GMT ', then],
    ['Monday, 06-Nov-74 08:49:37 GMT', Date.UTC(2074, 10, 6, 8, 49, 37)],
    ['Monday, 06-Nov-75 08:49:37 GMT', Date.UTC(1975, 10, 6, 8, 49, 37)],
    ['Sun, 31 Feb 2024 08:49:37 GMT', null],
    ['Sun, 06 Nov 1994 25:49:37 GMT', null],
    ['Sun, 06 Nov 1994 08:49:37 CET', null],
    ['Sun, 06 Nov 1994 08:49:37', null],
    ['1994-11-06T08:49:37Z', null],
    ['0', null],
    ['', null],
  ])('reads %s', (text, expected) => {
    expect(readHttpDate(text, now)).toBe(expected);
  });

  it('reads back what it writes, to the second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
        expect(readHttpDate(writeHttpDate(seconds * 1000 + 999), now)).toBe(seconds * 1000);
      }),
    );
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(readHttpDate(text, now) === null || Number.isFinite(readHttpDate(text, now))).toBe(true);
      }),
    );
  });
});
