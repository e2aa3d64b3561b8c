import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GridLines, KeyLines } from './cut-lines.js';

const linesAt = (keys: readonly number[], options: { targetSec: number; keyIntervalSec: number }) => {
  const lines = new KeyLines(options);
  for (const key of keys) lines.key(key);
  return keys.filter((key, index) => index === 0 || lines.slotAt(key) > lines.slotAt(keys[index - 1] ?? 0));
};

it('the grid has a line at each step, as exactly as ticks are', () => {
  const lines = new GridLines(2);
  expect([0, 1.9, 2, 3.99, 6].map((time) => lines.slotAt(time))).toEqual([0, 0, 1, 1, 3]);
  expect([-1, 0, 1].map((ticks) => lines.slotAt(58 + ticks / 90_000))).toEqual([28, 29, 29]);
  expect(lines.slotAt(58 - 1e-9)).toBe(29);
  expect(lines.slotAt(-0.02)).toBe(0);
  expect(lines.knownToSec).toBe(Number.POSITIVE_INFINITY);
});

describe("the source's keys are lines", () => {
  it.each<[string, number[], number, number, number[]]>([
    ['each of them, where they are as far apart as a segment is long', [0, 2, 4, 6], 2, 2, [0, 2, 4, 6]],
    ['each second one, where two fit', [0, 1, 2, 3, 4], 2, 1, [0, 2, 4]],
    ['each, where two do not fit', [0, 1.5, 3, 4.5], 2, 1.5, [0, 1.5, 3, 4.5]],
    ['each of long ones', [0, 4, 8], 4, 4, [0, 4, 8]],
    ['one that comes early, since the next may be a whole interval away', [0, 0.7, 2.7], 2, 2, [0, 0.7, 2.7]],
    ['not one right behind another', [0, 0.3, 2.3], 2, 2, [0, 2.3]],
  ])('%s', (_, keys, targetSec, keyIntervalSec, expected) => {
    expect(linesAt(keys, { targetSec, keyIntervalSec })).toEqual(expected);
  });

  it('and no segment between them, rounded, is longer than the target, as long as keys come as promised', () => {
    const gaps = fc.array(fc.double({ min: 0.04, max: 1, noNaN: true }), { minLength: 2, maxLength: 60 });
    const property = fc.property(fc.integer({ min: 1, max: 4 }), gaps, (targetSec, parts) => {
      let at = 0;
      const keys = parts.map((part) => {
        at += part * targetSec;
        return at;
      });
      const lines = linesAt(keys, { targetSec, keyIntervalSec: targetSec });
      for (const [index, line] of lines.slice(1).entries()) {
        expect(Math.round(line - (lines[index] ?? 0))).toBeLessThanOrEqual(targetSec);
      }
    });
    fc.assert(property);
  });

  it('told to who follows, as far as they are known', () => {
    const lines = new KeyLines({ targetSec: 2, keyIntervalSec: 2 });
    const told: number[] = [];
    lines.follow(() => told.push(lines.knownToSec));
    lines.key(5);
    lines.reached(5.2);
    lines.key(7);
    lines.reached(7.2);
    expect(told).toEqual([5.2, 7.2]);
    expect([4, 5, 6.9, 7].map((time) => lines.slotAt(time))).toEqual([0, 0, 0, 1]);
  });

  it('keeps counting though old lines are forgotten', () => {
    const keys = Array.from({ length: 500 }, (_, index) => index * 2);
    const lines = new KeyLines({ targetSec: 2, keyIntervalSec: 2 });
    for (const key of keys) {
      lines.key(key);
      expect(lines.slotAt(key + 0.5)).toBe(key / 2);
    }
  });
});
