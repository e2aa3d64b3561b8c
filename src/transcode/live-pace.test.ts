import { expect, it } from 'vitest';
import { LivePace } from './live-pace.js';

it('tells the pace of the last few seconds, wherever the feed began', () => {
  const pace = new LivePace();
  expect([pace.speed, pace.fps]).toEqual([null, null]);
  pace.add(1000, { outTimeMs: 3_600_000, frames: 100, speed: 900 });
  expect(pace.speed).toBeNull();
  pace.add(2000, { outTimeMs: 3_601_000, frames: 130, speed: 900 });
  expect([pace.speed, pace.fps]).toEqual([1, 30]);
  for (let second = 3; second < 30; second += 1) {
    pace.add(second * 1000, { outTimeMs: 3_601_000 + (second - 2) * 500, frames: 130 + (second - 2) * 15, speed: 900 });
  }
  expect([pace.speed, pace.fps]).toEqual([0.5, 15]);
});
