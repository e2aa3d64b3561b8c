import { expect, it } from 'vitest';
import { partLength } from './part-length.js';

it.each<[number, number | null, boolean, number, number]>([
  [200, 25, true, 5, 0.2],
  [200, 24, true, 5, 0.209],
  [200, 30_000 / 1001, true, 6, 0.201],
  [200, 60, true, 12, 0.2],
  [200, 15, true, 3, 0.2],
  [500, 30, true, 15, 0.5],
  [100, 5, true, 1, 0.2],
  [1000, 50, true, 50, 1],
  // Sound alone.
  [250, null, true, 8, 0.25],
  // Passed through: stamps are whole milliseconds, and a publisher's clock wanders.
  [200, 30, false, 6, 0.204],
  [200, null, false, 6, 0.204],
  [200, 2, false, 1, 0.504],
])(
  '%i ms at %s pictures a second (steady: %s) are %i pictures, at most %f s',
  (partMs, frameRate, steady, frames, max) => {
    const part = partLength({ partMs, frameRate, steady });
    expect(part).toMatchObject({ frames, maxSec: max });
  },
);
