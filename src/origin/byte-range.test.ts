import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseRange } from './byte-range.js';

describe('chooseRange', () => {
  it.each([
    ['bytes=0-0', { kind: 'part', start: 0, end: 0 }],
    ['bytes=10-', { kind: 'part', start: 10, end: 99 }],
    ['bytes=90-200', { kind: 'part', start: 90, end: 99 }],
    ['bytes=-10', { kind: 'part', start: 90, end: 99 }],
    ['bytes=-1000', { kind: 'part', start: 0, end: 99 }],
    ['bytes=100-', { kind: 'unsatisfiable' }],
    ['bytes=-0', { kind: 'unsatisfiable' }],
    ['bytes=5-2', { kind: 'whole' }],
    ['bytes=0-1,5-6', { kind: 'whole' }],
    ['bytes=-', { kind: 'whole' }],
    ['pages=1-2', { kind: 'whole' }],
    [undefined, { kind: 'whole' }],
  ])('%s of 100 bytes', (header, expected) => {
    expect(chooseRange(header, 100)).toEqual(expected);
  });

  it('never points outside the object', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.stringMatching(/^bytes=[0-9]{0,6}-[0-9]{0,6}$/), (size, header) => {
        const choice = chooseRange(header, size);
        if (choice.kind !== 'part') return;
        expect(choice.start).toBeGreaterThanOrEqual(0);
        expect(choice.start).toBeLessThanOrEqual(choice.end);
        expect(choice.end).toBeLessThan(size);
      }),
    );
  });
});
