import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { header1, header2, signature2 } from './proxy-header.fixture.js';
import { readProxyHeader } from './proxy-protocol.js';

describe('a PROXY header', () => {
  it.each([
    ['TCP4', header1('TCP4 198.51.100.1 10.0.0.1 56324 443'), '198.51.100.1'],
    ['TCP6', header1('TCP6 2001:db8::7 ::1 56324 443'), '2001:db8::7'],
    ['UNKNOWN', header1('UNKNOWN'), null],
    ['UNKNOWN with what is to be ignored', header1(`UNKNOWN ${'f'.repeat(80)}`), null],
    ['version 2, IPv4', header2({ client: [198, 51, 100, 1] }), '198.51.100.1'],
    ['version 2, IPv6', header2({ client: [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 7] }), '2001:db8::7'],
    ['version 2, mapped', header2({ client: [...Array(10).fill(0), 255, 255, 192, 0, 2, 9] }), '192.0.2.9'],
    ['version 2 with TLVs', header2({ client: [198, 51, 100, 1], more: Buffer.alloc(500, 4) }), '198.51.100.1'],
    ['version 2, LOCAL', header2({ command: 0x20, client: [198, 51, 100, 1] }), null],
    ['version 2, LOCAL, without addresses', header2({ command: 0x20, family: 0, client: [] }), null],
    ['version 2, UNSPEC', header2({ family: 0, client: [] }), null],
  ])('of %s is read, however it comes', (_name, header, client) => {
    const bytes = Buffer.concat([header, Buffer.from('GET / HTTP/1.1\r\n')]);
    for (let at = 0; at < header.length; at++) {
      expect(readProxyHeader(bytes.subarray(0, at))).toEqual({ kind: 'incomplete' });
    }
    expect(readProxyHeader(bytes)).toEqual({ kind: 'read', bytes: header.length, client });
  });

  it.each([
    ['none', Buffer.from('GET / HTTP/1.1\r\n')],
    ['the beginning of none', Buffer.from('PRI')],
    ['TLS', Buffer.from([22, 3, 1, 0])],
    ['version 1 without end', Buffer.alloc(107, 'PROXY UNKNOWN xxxx')],
    ['version 1, no family', header1('UDP4 198.51.100.1 10.0.0.1 1 2')],
    ['version 1, a property of objects for a family', header1('constructor 198.51.100.1 10.0.0.1 1 2')],
    ['version 1, the wrong family', header1('TCP4 2001:db8::7 ::1 1 2')],
    ['version 1, no address', header1('TCP4 198.51.100 10.0.0.1 1 2')],
    ['version 1, a port too large', header1('TCP4 198.51.100.1 10.0.0.1 65536 2')],
    ['version 1, a port with a zero', header1('TCP4 198.51.100.1 10.0.0.1 01 2')],
    ['version 1, cut off', header1('TCP4 198.51.100.1 10.0.0.1 1')],
    ['version 1, two spaces', header1('TCP4  198.51.100.1 10.0.0.1 1 2')],
    ['version 3', header2({ command: 0x31, client: [198, 51, 100, 1] })],
    ['no command', header2({ command: 0x22, client: [198, 51, 100, 1] })],
    ['UDP', header2({ family: 0x12, client: [198, 51, 100, 1] })],
    ['a Unix socket', header2({ family: 0x31, client: Array(108).fill(65) })],
    ['too short for its family', header2({ family: 0x21, client: [198, 51, 100, 1] })],
    ['too long', Buffer.concat([signature2, Buffer.from([0x21, 0x11, 255, 255])])],
  ])('is refused: %s', (_name, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: 'broken', reason: expect.any(String) });
  });

  it('may be any bytes at all', () => {
    const starts = fc.constantFrom(Buffer.alloc(0), signature2, Buffer.from('PROXY TCP4 '), Buffer.from('PROXY TCP6 '));
    fc.assert(
      fc.property(starts, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
        const bytes = Buffer.concat([start, rest]);
        const read = readProxyHeader(bytes);
        if (read.kind === 'read') expect(read.bytes).toBeLessThanOrEqual(bytes.length);
        if (read.kind === 'incomplete') expect(bytes.length).toBeLessThan(2064);
      }),
    );
  });
});
