import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lengthPrefixed, splitAnnexB } from './annex-b.js';

/** A unit as encoders write it: no start code within, no zero at its end. */
const nal = fc
  .uint8Array({ minLength: 1, maxLength: 60 })
  .map((bytes) => Buffer.from([...bytes.map((byte) => (byte < 4 ? 0x10 + byte : byte))]));

describe('the byte stream', () => {
  it('gives back the units between its start codes, three bytes or four, with zeros after them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(nal, fc.boolean(), fc.nat(3)), { maxLength: 20 }), (units) => {
        const stream = units.flatMap(([unit, long, zeros]) => [
          Buffer.from(long ? [0, 0, 0, 1] : [0, 0, 1]),
          unit,
          Buffer.alloc(zeros),
        ]);
        expect(splitAnnexB(Buffer.concat(stream))).toEqual(units.map(([unit]) => unit));
      }),
    );
  });

  it('has no units before the first start code, and none that are empty', () => {
    expect(splitAnnexB(Buffer.from('65880000', 'hex'))).toEqual([]);
    expect(splitAnnexB(Buffer.from('ff00000109000000010000000106', 'hex'))).toEqual([
      Buffer.from([9]),
      Buffer.from([6]),
    ]);
  });

  it('of nothing but start codes is cut off at a bound', () => {
    const stream = Buffer.concat(Array.from({ length: 50_000 }, () => Buffer.from([0, 0, 1, 9])));
    expect(splitAnnexB(stream).length).toBeLessThan(5000);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 0, 0, 1, 3, 0x65), { maxLength: 80 }), (bytes) => {
        for (const unit of splitAnnexB(Buffer.from(bytes))) expect(unit.length).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('lengths before the units', () => {
  it('stand in four bytes', () => {
    expect(lengthPrefixed([Buffer.from([9]), Buffer.from([7, 8])]).toString('hex')).toBe('0000000109000000020708');
    expect(lengthPrefixed([])).toHaveLength(0);
  });
});
