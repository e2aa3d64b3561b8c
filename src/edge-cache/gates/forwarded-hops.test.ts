import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forwardedHops, type Hop, xForwardedHops } from './forwarded-hops.js';
import { writeIpAddress } from './ip-address.js';

/** `address scheme`, with `-` for what is not known. */
const told = (hops: readonly Hop[]) =>
  hops.map(({ address, scheme }) => `${address === null ? '-' : writeIpAddress(address)} ${scheme ?? '-'}`);

describe('Forwarded (RFC 7239)', () => {
  it.each<[string, string[]]>([
    ['for=192.0.2.60;proto=http;by=203.0.113.43', ['192.0.2.60 http']],
    ['For="[2001:db8:cafe::17]:4711"', ['2001:db8:cafe:0:0:0:0:17 -']],
    ['for=192.0.2.43, for=198.51.100.17', ['198.51.100.17 -', '192.0.2.43 -']],
    ['for=192.0.2.43, for="[2001:db8:cafe::17]"', ['2001:db8:cafe:0:0:0:0:17 -', '192.0.2.43 -']],
    ['for="192.0.2.43:47011";PROTO=HTTPS', ['192.0.2.43 https']],
    ['for="192.0.2.43:_port"', ['192.0.2.43 -']],
    ['for="\\1\\9\\2.0.2.1"', ['192.0.2.1 -']],
    ['for=unknown', ['- -']],
    ['for="_gazonk"', ['- -']],
    ['proto=https', ['- https']],
    ['for=192.0.2.1;for=192.0.2.2', ['- -']],
    ['for=192.0.2.1;host="a,b;c"', ['192.0.2.1 -']],
    ['for = 192.0.2.1', ['- -']],
    ['for=fe80::1%eth0', ['- -']],
    ['for="[::ffff:192.0.2.1]"', ['192.0.2.1 -']],
  ])('%s', (line, expected) => {
    expect(told(forwardedHops([line]))).toEqual(expected);
  });

  it('takes the nearest proxy at its word, whatever a client wrote before it', () => {
    const written = fc.string({ unit: fc.constantFrom('"', '\\', ',', ';', '=', 'for', '6.6.6.6', ' ', 'x') });
    fc.assert(
      fc.property(written, fc.boolean(), (attack, joined) => {
        const own = 'for=192.0.2.1;proto=https';
        const [nearest] = told(forwardedHops(joined ? [`${attack}, ${own}`] : [attack, own]));
        // Only a proxy that copies a quoted string without its end into its own line leaves it open to doubt.
        expect(['192.0.2.1 https', '- -']).toContain(nearest);
        if (!joined) expect(nearest).toBe('192.0.2.1 https');
      }),
    );
  });

  it('never throws, and looks at so many hops', () => {
    fc.assert(fc.property(fc.array(fc.string()), (lines) => void forwardedHops(lines)));
    expect(forwardedHops(Array.from({ length: 100 }, (_, at) => `for=192.0.2.${at}`))).toHaveLength(32);
  });
});

describe('X-Forwarded-For', () => {
  it.each<[string, string, string[]]>([
    ['192.0.2.1', 'https', ['192.0.2.1 https']],
    ['192.0.2.1, 198.51.100.2', 'https', ['198.51.100.2 https', '192.0.2.1 https']],
    ['192.0.2.1, 198.51.100.2', 'https, http', ['198.51.100.2 http', '192.0.2.1 https']],
    ['2001:db8::1', '', ['2001:db8:0:0:0:0:0:1 -']],
    ['[2001:db8::1]:443', '', ['2001:db8:0:0:0:0:0:1 -']],
    ['192.0.2.1:8080', 'gopher', ['192.0.2.1 -']],
    ['192.0.2.1, garbage', '', ['- -', '192.0.2.1 -']],
    [',', '', ['- -', '- -']],
  ])('%s with %s', (line, proto, expected) => {
    expect(told(xForwardedHops([line], proto === '' ? [] : [proto]))).toEqual(expected);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (lines, protos) => void xForwardedHops(lines, protos)),
    );
  });
});
