/**
 * What is known of each client: until when its requests are booked, and how many are under way. In memory that threads share, and without locks: a
 * thread that is paused in the middle of anything keeps no other waiting.
 *
 * A client's requests follow each other at a rate, or up to so many of them at once ahead of it: the generic cell rate algorithm (ITU-T I.371), the same
 * as a token bucket, in one number. Whoever has nothing booked is as good as unknown, so its place may go to another.
 *
 * Bounded: each client has a few places where it may be known, by a hash that nobody outside can work out.
 */
import { randomBytes } from 'node:crypto';
import { type Holder, holderOf, type IpAddress } from './ip-address.js';

const setBits = 14;
const placesEach = 8;
const clientsMax = 2 ** setBits * placesEach;
/** How often a place is looked for, where other threads take it first. */
const triesMax = 4;
const nobody = 0n;
const seedBytes = 8;

/** How far apart requests are, and how far ahead they may be booked, ns. */
export interface Rate {
  readonly each: bigint;
  readonly aheadMax: bigint;
}

/** @param burst a whole number: so many may come at once. */
export function rateOf(perSec: number, burst: number): Rate {
  const each = BigInt(Math.round(1e9 / perSec));
  return { each, aheadMax: each * BigInt(burst) };
}

export class ClientAccounts {
  /** For another thread to make its own view of. */
  readonly shared: SharedArrayBuffer;
  readonly #seeds: Uint32Array;
  readonly #clients: BigInt64Array;
  /** Until when requests are booked, ns of the clock. */
  readonly #booked: BigInt64Array;
  readonly #inFlight: Int32Array;

  static make(): ClientAccounts {
    const shared = new SharedArrayBuffer(seedBytes + clientsMax * (8 + 8 + 4));
    randomBytes(seedBytes).copy(new Uint8Array(shared));
    return new ClientAccounts(shared);
  }

  constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#seeds = new Uint32Array(shared, 0, 2);
    this.#clients = new BigInt64Array(shared, seedBytes, clientsMax);
    this.#booked = new BigInt64Array(shared, seedBytes + clientsMax * 8, clientsMax);
    this.#inFlight = new Int32Array(shared, seedBytes + clientsMax * 16, clientsMax);
  }

  /** Where the client is known from now on; null: all places that it may have are taken by clients with requests under way. */
  open(address: IpAddress, nowMs: number): number | null {
    const holder = holderOf(address);
    const client = BigInt.asIntN(64, (BigInt(holder.high) << 32n) | BigInt(holder.low));
    const first = this.#setOf(holder) * placesEach;
    const now = nsOf(nowMs);
    for (let tries = 0; tries < triesMax; tries += 1) {
      const place = this.#find(client, first);
      if (place !== null) return place;
      const free = this.#findFree(first, now);
      if (free === null) return null;
      const before = Atomics.load(this.#clients, free);
      if (Atomics.compareExchange(this.#clients, free, before, client) !== before) continue;
      Atomics.store(this.#booked, free, 0n);
      return free;
    }
    return null;
  }

  /** One request more. @returns 0, or in how many seconds it may come. */
  book(place: number, nowMs: number, { each, aheadMax }: Rate): number {
    const now = nsOf(nowMs);
    for (;;) {
      const booked = Atomics.load(this.#booked, place);
      const ahead = booked > now ? booked - now : 0n;
      // A clock that was set back gives nothing, and takes no more than there is.
      const waits = ahead > aheadMax ? aheadMax : ahead;
      const next = waits + each > aheadMax ? waits : waits + each;
      if (Atomics.compareExchange(this.#booked, place, booked, now + next) !== booked) continue;
      return next === waits ? Number(waits + each - aheadMax) / 1e9 : 0;
    }
  }

  /** One request more under way, to be ended with `leave`. False: there are `max` already. */
  enter(place: number, max: number): boolean {
    if (Atomics.add(this.#inFlight, place, 1) < max) return true;
    this.leave(place);
    return false;
  }

  leave(place: number): void {
    Atomics.sub(this.#inFlight, place, 1);
  }

  /** Addresses that follow each other must not come to the same sets: so each word is mixed as in MurmurHash3. */
  #setOf({ high, low }: Holder): number {
    const [one = 0, other = 0] = this.#seeds;
    return mixed(mixed(high ^ one) ^ low ^ other) >>> (32 - setBits);
  }

  #find(client: bigint, first: number): number | null {
    for (let place = first; place < first + placesEach; place += 1) {
      if (Atomics.load(this.#clients, place) === client) return place;
    }
    return null;
  }

  /** One that nobody has, or who has least booked and nothing under way. */
  #findFree(first: number, now: bigint): number | null {
    let free: number | null = null;
    let least: bigint | null = null;
    for (let place = first; place < first + placesEach; place += 1) {
      if (Atomics.load(this.#clients, place) === nobody) return place;
      if (Atomics.load(this.#inFlight, place) > 0) continue;
      const booked = Atomics.load(this.#booked, place);
      if (booked <= now) return place;
      if (least === null || booked < least) [free, least] = [place, booked];
    }
    return free;
  }
}

/** By way of microseconds: of the time since 1970 a double has no nanoseconds. */
const nsOf = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n;

/** Each bit of the word changes each bit of what comes out as often as not. */
function mixed(word: number): number {
  let bits = word ^ (word >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
