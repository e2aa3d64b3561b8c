/**
 * Gate: how much one client may ask for: requests a second (a token bucket: `burst` at once, then the rate), and requests under
 * way at the same time. A client is an IPv4 address or an IPv6 /64.
 */
import { type ClientAccounts, type Rate, rateOf } from './client-accounts.js';
import type { GateCounts } from './gate-metrics.js';
import type { IpAddress } from './ip-address.js';
import type { Gate, Refusal } from './visit.js';

export interface ClientLimits {
  /** Null: no limit. */
  readonly requestsPerSec: number | null;
  /** Of requests at once. */
  readonly burst: number;
  /** Null: no limit. */
  readonly inFlightMax: number | null;
}

/** By what `accounts` know, which all doors of an edge share. */
export class ClientShares {
  readonly inFlightMax: number | null;
  readonly #rate: Rate | null;
  readonly #accounts: ClientAccounts;

  constructor({ requestsPerSec, burst, inFlightMax }: ClientLimits, accounts: ClientAccounts) {
    this.inFlightMax = inFlightMax;
    this.#rate = requestsPerSec === null ? null : rateOf(requestsPerSec, burst);
    this.#accounts = accounts;
  }

  /** Null: nothing is counted of this client. */
  open(client: IpAddress, nowMs: number): number | null {
    return this.#accounts.open(client, nowMs);
  }

  /** One request more. @returns 0, or in how many seconds it may come. */
  book(account: number, nowMs: number): number {
    return this.#rate === null ? 0 : this.#accounts.book(account, nowMs, this.#rate);
  }

  /** One request more under way, to be ended with `leave`. False: there are as many as may be. */
  enter(account: number): boolean {
    return this.inFlightMax === null || this.#accounts.enter(account, this.inFlightMax);
  }

  leave(account: number): void {
    if (this.inFlightMax !== null) this.#accounts.leave(account);
  }
}

export function clientLimitsGate(shares: ClientShares, now: () => number, metrics: GateCounts): Gate {
  return (visit) => {
    const { client } = visit;
    // It has left already.
    if (client === null) return null;
    const at = now();
    const account = shares.open(client, at);
    if (account === null) return null;
    const waitSec = shares.book(account, at);
    if (waitSec > 0) {
      metrics.refused('rate');
      return tooMany('rate', Math.ceil(waitSec), 'More requests came from this client than it may send in this time.');
    }
    const { inFlightMax } = shares;
    if (inFlightMax === null) return null;
    if (!shares.enter(account)) {
      metrics.refused('in-flight');
      return tooMany('in-flight', 1, `No more than ${inFlightMax} requests of one client are served at the same time.`);
    }
    visit.watched.onOver(() => shares.leave(account));
    return null;
  };
}

/** RFC 6585 §4. */
function tooMany(told: string, waitSec: number, detail: string): Refusal {
  return { status: 429, title: 'Too Many Requests', detail, told, headers: [['retry-after', String(waitSec)]] };
}
