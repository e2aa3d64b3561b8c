import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readSocketAddress, writeSocketAddress } from './socket-address.js';

const normal = (host: string) => (isIPv6(host) ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host);

it('reads what it writes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      const { host: read, port: readPort } = readSocketAddress(writeSocketAddress(host, port));
      expect(readPort).toBe(port);
      if (!normal(host).startsWith('::ffff:')) expect(read).toBe(normal(host));
    }),
  );
});

it('names an IPv4 caller of an IPv6 port by its IPv4 address', () => {
  expect(readSocketAddress(writeSocketAddress('::ffff:192.0.2.7', 9))).toEqual({ host: '192.0.2.7', port: 9 });
});
