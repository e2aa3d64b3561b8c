import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRanges, resolveRange, resolveRanges } from './byte-range.js';

describe('Range', () => {
  it.each([
    ['bytes=0-4', [{ kind: 'from', first: 0, last: 4 }]],
    ['Bytes = 3 - ', [{ kind: 'from', first: 3, last: null }]],
    ['bytes=-5', [{ kind: 'suffix', length: 5 }]],
    [
      'bytes=0-1, 3-,-2',
      [
        { kind: 'from', first: 0, last: 1 },
        { kind: 'from', first: 3, last: null },
        { kind: 'suffix', length: 2 },
      ],
    ],
    [`bytes=${'0-1,'.repeat(31)}0-1`, Array(32).fill({ kind: 'from', first: 0, last: 1 })],
    [`bytes=${'0-1,'.repeat(32)}0-1`, null],
    ['bytes=5-4', null],
    ['bytes=-', null],
    ['bytes=0-1,b', null],
    ['bytes=0-1, ,', [{ kind: 'from', first: 0, last: 1 }]],
    ['bytes=,', null],
    ['bytes=a-b', null],
    ['items=0-4', null],
    [`bytes=0-${'9'.repeat(30)}`, [{ kind: 'from', first: 0, last: 1e30 }]],
    [`bytes=0-${'9'.repeat(31)}`, null],
    [undefined, null],
  ])('reads %s', (value, expected) => {
    expect(parseRanges(value)).toEqual(expected);
  });

  it('resolves to bytes that exist, or to none', () => {
    const asked = fc.oneof(
      fc.record({ kind: fc.constant('from' as const), first: fc.nat(50), last: fc.option(fc.nat(80)) }),
      fc.record({ kind: fc.constant('suffix' as const), length: fc.nat(80) }),
    );
    fc.assert(
      fc.property(asked, fc.nat(60), (range, total) => {
        if (range.kind === 'from' && range.last !== null && range.last < range.first) return;
        const resolved = resolveRange(range, total);
        const all = Array.from({ length: total }, (_unused, at) => at);
        const wanted =
          range.kind === 'suffix'
            ? all.slice(range.length === 0 ? total : -range.length)
            : all.filter((at) => at >= range.first && at <= (range.last ?? total));
        expect(resolved).toEqual(wanted.length === 0 ? null : { first: wanted[0], last: wanted.at(-1) });
      }),
    );
  });

  it('resolves several to the bytes that any of them names, each once', () => {
    const spec = fc.tuple(fc.nat(30), fc.nat(12)).map(([first, more]) => ({ first, last: first + more }));
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 6 }), fc.nat(40), (specs, total) => {
        const asked = specs.map((each) => ({ kind: 'from' as const, ...each }));
        const bytes = resolveRanges(asked, total).flatMap(({ first, last }) =>
          Array.from({ length: last - first + 1 }, (_unused, at) => first + at),
        );
        const named = Array.from({ length: total }, (_unused, at) => at).filter((at) =>
          specs.some(({ first, last }) => at >= first && at <= last),
        );
        expect([...bytes].sort((one, other) => one - other)).toEqual(named);
      }),
    );
  });

  it('keeps the order in which ranges were asked', () => {
    const asked = parseRanges('bytes=8-9,0-1') ?? [];
    expect(resolveRanges(asked, 10)).toEqual([
      { first: 8, last: 9 },
      { first: 0, last: 1 },
    ]);
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^bytes=[\d,-]{0,12}$/)), (value) => {
        for (const range of parseRanges(value) ?? []) {
          if (range.kind === 'from' && range.last !== null) expect(range.last).toBeGreaterThanOrEqual(range.first);
        }
      }),
    );
  });
});
