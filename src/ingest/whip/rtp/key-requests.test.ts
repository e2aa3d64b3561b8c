import { expect, it } from 'vitest';
import { BitrateCeiling } from './bitrate-ceiling.js';
import { KeyRequests } from './key-requests.js';

/** The moments, in steps of 50 ms, at which a key is asked for. */
function asked(keys: KeyRequests, fromMs: number, toMs: number, waiting: boolean): number[] {
  const moments: number[] = [];
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 50) if (keys.due(nowMs, waiting)) moments.push(nowMs);
  return moments;
}

it('asks for keys at the start, while one is missing, and then as often as a segment needs one', () => {
  const keys = new KeyRequests(1000);
  expect(asked(keys, 1000, 2950, true)).toEqual([1000, 1400, 1900, 2000, 2500]);
  keys.keyCame(3000);
  expect(asked(keys, 3000, 9000, false)).toEqual([5000, 7000, 9000]);
  keys.keyCame(9100);
  expect(asked(keys, 9550, 9650, true)).toEqual([9550]);
  keys.keyCame(9700);
  expect(asked(keys, 9700, 11_600, false)).toEqual([]);
});

it('raises the ceiling without loss, lowers it with much, and keeps within its bounds', () => {
  const ceiling = new BitrateCeiling(8_000_000);
  expect(ceiling.bps).toBe(2_000_000);
  for (let second = 0; second < 10; second++) ceiling.update(0, 1_000_000);
  expect(ceiling.bps).toBe(8_000_000);
  ceiling.update(0.05, 4_000_000);
  expect(ceiling.bps).toBe(8_000_000);
  ceiling.update(0.2, 2_000_000);
  expect(ceiling.bps).toBeLessThan(2_500_000);
  const after = ceiling.bps;
  ceiling.update(0, 2_000_000);
  expect(ceiling.bps).toBeLessThan(after * 1.1);
  for (let second = 0; second < 50; second++) ceiling.update(1, 0);
  expect(ceiling.bps).toBe(150_000);
  expect(new BitrateCeiling(500_000).bps).toBe(500_000);
});
