import { expect, it } from 'vitest';
import { acceptsGzip } from './content-encoding.js';

it.each([
  [undefined, false],
  ['', false],
  ['gzip', true],
  ['GZIP, br', true],
  ['x-gzip', true],
  ['br, gzip;q=0.1', true],
  ['gzip;q=0', false],
  ['gzip; q=0.000, *', false],
  ['*', true],
  ['*;q=0', false],
  ['identity', false],
  ['gzip;q=nonsense', false],
])('takes %s for %s', (header, taken) => {
  expect(acceptsGzip(header)).toBe(taken);
});
