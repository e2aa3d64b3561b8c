/** IP addresses as numbers. Pure; takes any text. */
import { isIPv4, isIPv6 } from 'node:net';

/** Most significant word first; an IPv4 address is in the last one. An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 address. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

/** A zone (`%eth0`) says where an address is reached from, not which it is. */
export function readIpAddress(text: string): IpAddress | null {
  const zone = text.indexOf('%');
  const plain = zone < 0 ? text : text.slice(0, zone);
  if (isIPv4(plain)) return ipv4(wordOf(plain));
  return isIPv6(plain) ? readIpv6(plain) : null;
}

/** As engines have them: four bytes are IPv4, sixteen IPv6. Null: nothing else is one. */
export function ipAddressOf(bytes: Uint8Array): IpAddress | null {
  if (bytes.length === 4) return ipv4(wordAt(bytes, 0));
  if (bytes.length !== 16) return null;
  return ipv6([wordAt(bytes, 0), wordAt(bytes, 4), wordAt(bytes, 8), wordAt(bytes, 12)]);
}

const wordAt = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;

const ipv4 = (word: number): IpAddress => ({ family: 4, words: [0, 0, 0, word] });

function wordOf(dotted: string): number {
  let word = 0;
  for (const part of dotted.split('.')) word = word * 256 + Number(part);
  return word;
}

function readIpv6(text: string): IpAddress {
  const [head = '', tail] = text.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const gap = new Array<number>(8 - before.length - after.length).fill(0);
  const groups = [...before, ...gap, ...after];
  const word = (at: number) => (groups[at] ?? 0) * 65_536 + (groups[at + 1] ?? 0);
  return ipv6([word(0), word(2), word(4), word(6)]);
}

function ipv6(words: IpAddress['words']): IpAddress {
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped ? ipv4(words[3]) : { family: 6, words };
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const word = wordOf(group);
    return [Math.floor(word / 65_536), word % 65_536];
  });
}

/** RFC 5952, but that the first of the longest runs of zeros is not looked for: all groups are written. */
export function writeIpAddress({ family, words }: IpAddress): string {
  const [first, second, third, last] = words;
  if (family === 4) return `${last >>> 24}.${(last >>> 16) & 0xff}.${(last >>> 8) & 0xff}.${last & 0xff}`;
  const groups = [first, second, third, last].flatMap((word) => [Math.floor(word / 65_536), word % 65_536]);
  return groups.map((group) => group.toString(16)).join(':');
}

/** Whose an address is; two words. */
export interface Holder {
  readonly high: number;
  readonly low: number;
}

/**
 * Whose it is, as far as limits care: an IPv4 address, or the /64 that an IPv6 one lies in: whoever has one of those addresses
 * has all 2^64 of them. Never both words 0: nobody has addresses of ::/8 (RFC 4291 §2.4), so IPv4 and loopback stand there.
 */
export function holderOf({ family, words }: IpAddress): Holder {
  if (family === 4) return { high: 1, low: words[3] };
  return { high: words[0] === 0 ? 2 : words[0], low: words[1] };
}

/** So much of it that it names a network and nobody in it: an IPv4 /24, an IPv6 /48. */
export function anonymized({ family, words }: IpAddress): string {
  const [first, second, , last] = words;
  if (family === 4) return writeIpAddress(ipv4(last - (last % 256)));
  const groups = [first, second].flatMap((word) => [Math.floor(word / 65_536), word % 65_536]);
  return `${groups
    .slice(0, 3)
    .map((group) => group.toString(16))
    .join(':')}::`;
}
