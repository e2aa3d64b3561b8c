/** Networks in CIDR notation (RFC 4632, RFC 4291 §2.3), and sets of them. Pure. */
import { type IpAddress, readIpAddress } from './ip-address.js';

type Words = IpAddress['words'];

/** All addresses from the first to the last. */
export interface IpNetwork {
  readonly family: 4 | 6;
  readonly first: Words;
  readonly last: Words;
}

/** `192.0.2.0/24`, `2001:db8::/32`, or one address. Bits behind the prefix do not count. Null for anything else. */
export function readIpNetwork(text: string): IpNetwork | null {
  const slash = text.indexOf('/');
  const written = slash < 0 ? text : text.slice(0, slash);
  const address = written.includes('%') ? null : readIpAddress(written);
  if (address === null) return null;
  const bits = slash < 0 ? 128 : prefixBits(text.slice(slash + 1), written.includes(':') ? 128 : 32);
  // The prefix of an IPv4-mapped network may not reach out of the mapped addresses.
  if (bits === null || (address.family === 4 && bits < 96)) return null;
  return rangeOf(address, bits);
}

/** As bits of 128; null when it is none. */
function prefixBits(text: string, bitsMax: 32 | 128): number | null {
  if (!/^(?:0|[1-9]\d{0,2})$/.test(text)) return null;
  const bits = Number(text);
  return bits > bitsMax ? null : bits + 128 - bitsMax;
}

function rangeOf({ family, words }: IpAddress, bits: number): IpNetwork {
  const hostBits = (at: number) => 2 ** Math.min(32, Math.max(0, 32 * (at + 1) - bits));
  const first = words.map((word, at) => word - (word % hostBits(at)));
  const last = words.map((word, at) => word - (word % hostBits(at)) + hostBits(at) - 1);
  if (family === 4) for (const at of [0, 1, 2]) first[at] = last[at] = 0;
  return { family, first: first as unknown as Words, last: last as unknown as Words };
}

/**
 * Any number of networks, asked whether an address is in one of them: ranges in order, without overlaps, so that a lookup is
 * one binary search. (`BlockList` of node:net walks through all of them.)
 */
export class NetworkSet {
  readonly #ranges: NetworkRanges;

  constructor(networks: readonly IpNetwork[] | NetworkRanges) {
    this.#ranges = 'ipv4' in networks ? networks : rangesOf(networks);
  }

  get isEmpty(): boolean {
    const { ipv4, ipv6 } = this.#ranges;
    return ipv4.count + ipv6.count === 0;
  }

  has({ family, words }: IpAddress): boolean {
    const { count, firsts, lasts } = family === 4 ? this.#ranges.ipv4 : this.#ranges.ipv6;
    let low = 0;
    let high = count;
    // Behind the loop, `low` ranges begin at the address or before it.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(firsts, middle, words) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && compare(lasts, low - 1, words) >= 0;
  }
}

/** Four words a range. */
interface Ranges {
  readonly count: number;
  readonly firsts: Uint32Array;
  readonly lasts: Uint32Array;
}

/** What a set of networks goes by. */
export interface NetworkRanges {
  readonly ipv4: Ranges;
  readonly ipv6: Ranges;
}

const rangesOf = (networks: readonly IpNetwork[]): NetworkRanges => ({
  ipv4: inOrder(networks.filter(({ family }) => family === 4)),
  ipv6: inOrder(networks.filter(({ family }) => family === 6)),
});

/** The same in memory that other threads may see too: lists of countries are long. */
export function sharedRanges(networks: readonly IpNetwork[]): NetworkRanges {
  const { ipv4, ipv6 } = rangesOf(networks);
  return { ipv4: shared(ipv4), ipv6: shared(ipv6) };
}

function shared({ count, firsts, lasts }: Ranges): Ranges {
  const copy = (words: Uint32Array) => {
    const copied = new Uint32Array(new SharedArrayBuffer(words.byteLength));
    copied.set(words);
    return copied;
  };
  return { count, firsts: copy(firsts), lasts: copy(lasts) };
}

function inOrder(networks: readonly IpNetwork[]): Ranges {
  const sorted = [...networks].sort((one, other) => compareWords(one.first, other.first));
  const firsts = new Uint32Array(4 * sorted.length);
  const lasts = new Uint32Array(4 * sorted.length);
  let count = 0;
  for (const { first, last } of sorted) {
    const overlaps = count > 0 && compare(lasts, count - 1, first) >= 0;
    if (!overlaps) {
      firsts.set(first, 4 * count);
      lasts.set(last, 4 * count);
      count += 1;
    } else if (compare(lasts, count - 1, last) < 0) lasts.set(last, 4 * (count - 1));
  }
  return { count, firsts: firsts.slice(0, 4 * count), lasts: lasts.slice(0, 4 * count) };
}

/** Negative, 0 or positive, as the words at that range's place are less, the same or more. */
function compare(table: Uint32Array, range: number, words: Words): number {
  for (let at = 0; at < 4; at += 1) {
    const difference = (table[4 * range + at] ?? 0) - (words[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareWords(one: Words, other: Words): number {
  for (let at = 0; at < 4; at += 1) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
