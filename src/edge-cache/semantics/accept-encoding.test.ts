import fc from 'fast-check';
import { expect, it } from 'vitest';
import { acceptsGzip } from './accept-encoding.js';

it.each<[string | undefined, boolean]>([
  [undefined, false],
  ['', false],
  ['gzip, deflate, br', true],
  ['br;q=1.0, GZIP;q=0.2', true],
  ['x-gzip', true],
  ['*', true],
  ['*;q=0', false],
  ['gzip;q=0', false],
  ['gzip;q=0.000, *', false],
  ['*;q=0, gzip', true],
  ['identity', false],
  ['gzipped', false],
])('%s: %s', (field, expected) => {
  expect(acceptsGzip(field)).toBe(expected);
});

it('takes any text', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (field) => void acceptsGzip(field)));
});
