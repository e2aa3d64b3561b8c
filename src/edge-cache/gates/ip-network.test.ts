import { BlockList, isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anonymized, holderOf, readIpAddress, writeIpAddress } from './ip-address.js';
import { type IpNetwork, NetworkSet, readIpNetwork } from './ip-network.js';

const address = (text: string) => {
  const read = readIpAddress(text);
  if (read === null) throw new Error(`${text} is no address`);
  return read;
};
const network = (text: string): IpNetwork => {
  const read = readIpNetwork(text);
  if (read === null) throw new Error(`${text} is no network`);
  return read;
};
const setOf = (...cidrs: string[]) => new NetworkSet(cidrs.map(network));

describe('an address', () => {
  it('is read as node:net has it, and nothing else is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended()), (text) => {
        expect(readIpAddress(text) !== null).toBe(isIPv4(text) || isIPv6(text));
      }),
    );
  });

  it('comes back the same', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        expect(address(writeIpAddress(address(text)))).toEqual(address(text));
      }),
    );
  });

  it('is the IPv4 one where it is mapped, and has no zone', () => {
    expect(address('::ffff:192.0.2.1')).toEqual(address('192.0.2.1'));
    expect(address('::ffff:c000:201')).toEqual(address('192.0.2.1'));
    expect(address('fe80::1%eth0')).toEqual(address('fe80::1'));
    expect(address('2001:db8::192.0.2.1').words).toEqual([0x20010db8, 0, 0, 0xc0000201]);
  });

  it('has a holder: an IPv6 /64', () => {
    expect(holderOf(address('2001:db8:1:2::1'))).toEqual(holderOf(address('2001:db8:1:2:ffff::9')));
    expect(holderOf(address('2001:db8:1:2::1'))).not.toEqual(holderOf(address('2001:db8:1:3::1')));
    expect(holderOf(address('192.0.2.1'))).not.toEqual(holderOf(address('192.0.2.2')));
  });

  it('is nobody as a network', () => {
    expect(anonymized(address('192.0.2.77'))).toBe('192.0.2.0');
    expect(anonymized(address('2001:db8:abcd:1234::1'))).toBe('2001:db8:abcd::');
  });
});

describe('a network', () => {
  it.each([
    '',
    '1.2.3',
    '1.2.3.4/33',
    '1.2.3.4/-1',
    '1.2.3.4/08',
    '1.2.3.4/',
    '::/129',
    'fe80::1%eth0/64',
    '::ffff:0.0.0.0/95',
  ])('is not %j', (text) => {
    expect(readIpNetwork(text)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void readIpNetwork(text)));
  });

  it('holds its first and last address, and neither neighbour', () => {
    const ipv4 = setOf('192.0.2.64/26');
    const inside = (text: string) => ipv4.has(address(text));
    expect(['192.0.2.63', '192.0.2.64', '192.0.2.127', '192.0.2.128'].map(inside)).toEqual([false, true, true, false]);
    const ipv6 = setOf('2001:db8::/33');
    expect(ipv6.has(address('2001:db8:7fff:ffff:ffff:ffff:ffff:ffff'))).toBe(true);
    expect(ipv6.has(address('2001:db8:8000::'))).toBe(false);
  });

  it('of IPv6 says nothing of IPv4, and one of mapped addresses is IPv4', () => {
    expect(setOf('::/0').has(address('192.0.2.1'))).toBe(false);
    expect(setOf('0.0.0.0/0').has(address('2001:db8::1'))).toBe(false);
    expect(setOf('::ffff:192.0.2.0/120').has(address('192.0.2.9'))).toBe(true);
    expect(setOf('0.0.0.0/0').has(address('::ffff:1.2.3.4'))).toBe(true);
  });

  it('in a set of many, overlapping or not, is found as BlockList finds it', () => {
    const ipv4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
    const ipv6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).filter(([text]) => address(text).family === 6);
    const family = <Made>(made: fc.Arbitrary<Made>, asked: fc.Arbitrary<string>) =>
      fc.tuple(fc.array(made, { maxLength: 20 }), fc.array(asked, { maxLength: 20 }));
    fc.assert(
      fc.property(fc.oneof(family(ipv4, fc.ipV4()), family(ipv6, fc.ipV6())), ([cidrs, asked]) => {
        const set = setOf(...cidrs.map((parts) => parts.join('/')));
        const list = new BlockList();
        for (const [text, bits] of cidrs) list.addSubnet(text, bits, text.includes(':') ? 'ipv6' : 'ipv4');
        // The networks' own addresses too: they are in, whatever overlaps.
        for (const text of [...asked, ...cidrs.map(([own]) => own)]) {
          if (text.includes(':') && address(text).family === 4) continue;
          expect(set.has(address(text))).toBe(list.check(text, text.includes(':') ? 'ipv6' : 'ipv4'));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is found among a hundred thousand', () => {
    // Every second /24 of 16 million addresses' worth.
    const cidrs = Array.from(
      { length: 100_000 },
      (_, at) => `${10 + (at >> 15)}.${(at >> 7) & 255}.${(at & 127) * 2}.0/24`,
    );
    const set = setOf(...cidrs);
    expect(set.has(address('10.0.2.255'))).toBe(true);
    expect(set.has(address('10.0.3.0'))).toBe(false);
    expect(set.has(address('12.200.254.1'))).toBe(true);
  });
});
