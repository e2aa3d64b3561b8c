import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Counter } from './counter.js';

describe('a counter that wraps', () => {
  it.each([16, 32] as const)('goes on over the wraps of %i bits, forth and back', (bits) => {
    const size = 2 ** bits;
    const step = fc.integer({ min: -Math.floor(size / 2) + 1, max: Math.floor(size / 2) - 1 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: size - 1 }), fc.array(step, { maxLength: 50 }), (first, steps) => {
        const counter = new Counter(bits);
        let expected = counter.extend(first);
        expect(expected).toBe(first + size);
        for (const by of steps) {
          expected += by;
          const value = ((expected % size) + size) % size;
          expect(counter.near(value)).toBe(expected);
          expect(counter.extend(value)).toBe(expected);
        }
      }),
    );
  });
});
