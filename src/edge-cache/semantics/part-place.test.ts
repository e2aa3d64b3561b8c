import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partPlace, rangeWithin } from './part-place.js';

describe('the place of a part', () => {
  it.each([
    ['bytes 0-4/10', { first: 0, last: 4, total: 10 }],
    ['BYTES  5-9/10', { first: 5, last: 9, total: 10 }],
    ['bytes 5-10/10', null],
    ['bytes 5-4/10', null],
    ['bytes 0-4/*', null],
    ['bytes */10', null],
    ['lines 0-4/10', null],
    ['bytes 0-4/10, bytes 5-6/10', null],
    ['', null],
  ])('reads %s', (field, place) => {
    expect(partPlace([['content-range', field]])).toEqual(place);
  });

  it('has every byte of a range that is within it', () => {
    const range = fc.record({
      kind: fc.constant('from' as const),
      first: fc.nat(30),
      last: fc.option(fc.integer({ min: 30, max: 40 })),
    });
    const suffix = fc.record({ kind: fc.constant('suffix' as const), length: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(fc.oneof(range, suffix), { maxLength: 3 }), fc.nat(19), fc.nat(19), (asked, one, other) => {
        const place = { first: Math.min(one, other), last: Math.max(one, other), total: 20 };
        const within = rangeWithin(asked, place);
        if (within === null) return;
        expect([within.first >= place.first, within.last <= place.last, within.first <= within.last]).toEqual([
          true,
          true,
          true,
        ]);
      }),
    );
  });
});
