import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDirectives } from './delivery-directives.js';

describe('readDirectives', () => {
  it.each([
    ['', { waitFor: null, skip: 'nothing' }],
    ['token=1', { waitFor: null, skip: 'nothing' }],
    ['_HLS_msn=7', { waitFor: { number: 7, part: undefined }, skip: 'nothing' }],
    ['_HLS_part=0&_HLS_msn=7', { waitFor: { number: 7, part: 0 }, skip: 'nothing' }],
    ['_HLS_skip=YES', { waitFor: null, skip: 'segments' }],
    ['_HLS_skip=v2&_HLS_msn=7', { waitFor: { number: 7, part: undefined }, skip: 'segments and dates' }],
    ['_HLS_skip=NO', { waitFor: null, skip: 'nothing' }],
    ['_HLS_new=7', { waitFor: null, skip: 'nothing' }],
    ['_HLS_part=0', null],
    ['_HLS_msn=', null],
    ['_HLS_msn=1.5', null],
    ['_HLS_msn=1e3', null],
    ['_HLS_msn=9999999999999', null],
    ['_HLS_msn=7&_HLS_part=-1', null],
  ])('reads %s', (query, meaning) => {
    expect(readDirectives(query)).toEqual(meaning);
  });

  it('is never upset, and never gives anything but whole numbers', () => {
    const parameter = fc.tuple(fc.constantFrom('_HLS_msn', '_HLS_part', '_HLS_skip', 'x'), fc.string());
    const query = fc.array(parameter, { maxLength: 5 }).map((list) => list.map(([name, value]) => `${name}=${value}`));
    fc.assert(
      fc.property(query, (list) => {
        const { waitFor = null } = readDirectives(list.join('&')) ?? {};
        if (waitFor === null) return;
        expect(Number.isSafeInteger(waitFor.number) && Number.isSafeInteger(waitFor.part ?? 0)).toBe(true);
      }),
    );
  });
});
