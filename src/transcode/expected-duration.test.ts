import { expect, test } from 'vitest';
import { missingPart } from './expected-duration.js';

test.each([
  [10, 10],
  [10, 9.6],
  [10, 11],
  [0.04, 0.04],
  [60, 58.9],
  [7200, 7191],
])('of %d s, %d s are all', (expected, got) => {
  expect(missingPart(expected, got)).toBeNull();
});

test.each([
  [10, 4.3],
  [10, 9.4],
  [60, 58.7],
  [7200, 7189],
  [2, 0],
])('of %d s, %d s are too little', (expected, got) => {
  expect(missingPart(expected, got)).toBe(
    `only ${got.toFixed(1)} s of ${expected.toFixed(1)} s could be read: the file is truncated or damaged`,
  );
});
