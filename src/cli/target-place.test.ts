import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { targetPlace } from './target-place.js';

const box = { ports: [1935, 8890], publicUrl: 'https://tv.example' };
const [own = '127.0.0.1'] = Object.values(networkInterfaces()).flatMap((list) =>
  (list ?? []).map(({ address }) => address),
);

test.each([
  ['127.0.0.1', 1935, 'this-box'],
  ['localhost', 8890, 'this-box'],
  ['0.0.0.0', 1935, 'this-box'],
  ['::1', 1935, 'this-box'],
  ['::ffff:127.0.0.1', 1935, 'this-box'],
  ['tv.example', 1935, 'this-box'],
  [own, 1935, 'this-box'],
  ['localhost', 1936, 'private'],
  ['192.168.3.4', 1935, 'private'],
  ['::ffff:10.0.0.1', 1935, 'private'],
  ['fd00::1', 1935, 'private'],
  ['169.254.169.254', 80, 'private'],
  ['192.0.2.7', 1935, 'elsewhere'],
  ['2001:db8::1', 1935, 'elsewhere'],
  ['no-such-host.invalid', 1935, 'elsewhere'],
] as const)('%s, port %i: %s', async (host, port, place) => {
  expect(await targetPlace({ host, port }, box)).toBe(place);
});
