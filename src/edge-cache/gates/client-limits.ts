/**
 * Gate: how much one client may ask for: requests a second (a token bucket: `burst` at once, then the rate), and requests under
 * way at the same time. A client is an IPv4 address or an IPv6 /64.
 *
 * Lives as long as the edge. Bounded: so many clients are known; of those that were not here for longest nothing is known any more.
 */
import { LRUCache } from 'lru-cache';
import type { GateMetrics } from './gate-metrics.js';
import { holderOf } from './ip-address.js';
import type { Gate, Refusal } from './visit.js';

export interface ClientLimits {
  /** Null: no limit. */
  readonly requestsPerSec: number | null;
  /** Of requests at once. */
  readonly burst: number;
  /** Null: no limit. */
  readonly inFlightMax: number | null;
}

interface Account {
  /** Requests that may come now. */
  left: number;
  /** When `left` was worked out. */
  at: number;
  inFlight: number;
}

const clientsMax = 65_536;

/** Null: there are no limits. */
export function clientLimitsGate(limits: ClientLimits, now: () => number, metrics: GateMetrics): Gate | null {
  const { requestsPerSec, inFlightMax } = limits;
  if (requestsPerSec === null && inFlightMax === null) return null;
  const accounts = new Accounts(limits, now);
  return (visit) => {
    const { client } = visit;
    // It has left already.
    if (client === null) return null;
    const account = accounts.of(holderOf(client));
    const waitSec = requestsPerSec === null ? 0 : accounts.draw(account, requestsPerSec);
    if (waitSec > 0) {
      metrics.refused('rate');
      return tooMany('rate', waitSec, 'More requests came from this client than it may send in this time.');
    }
    if (inFlightMax === null) return null;
    if (account.inFlight >= inFlightMax) {
      metrics.refused('in-flight');
      return tooMany('in-flight', 1, `No more than ${inFlightMax} requests of one client are served at the same time.`);
    }
    account.inFlight += 1;
    visit.watched.onOver(() => {
      account.inFlight -= 1;
    });
    return null;
  };
}

class Accounts {
  readonly #accounts = new LRUCache<string, Account>({ max: clientsMax });
  readonly #burst: number;
  readonly #now: () => number;

  constructor({ burst }: ClientLimits, now: () => number) {
    this.#burst = burst;
    this.#now = now;
  }

  of(holder: string): Account {
    const known = this.#accounts.get(holder);
    if (known !== undefined) return known;
    const opened = { left: this.#burst, at: this.#now(), inFlight: 0 };
    this.#accounts.set(holder, opened);
    return opened;
  }

  /** Takes one request out. @returns 0, or in how many whole seconds there is one again. */
  draw(account: Account, perSec: number): number {
    const now = this.#now();
    // A clock that was set back gives nothing, and takes nothing.
    const earned = (Math.max(0, now - account.at) / 1000) * perSec;
    account.left = Math.min(this.#burst, account.left + earned);
    account.at = now;
    if (account.left < 1) return Math.ceil((1 - account.left) / perSec);
    account.left -= 1;
    return 0;
  }
}

/** RFC 6585 §4. */
function tooMany(told: string, waitSec: number, detail: string): Refusal {
  return { status: 429, title: 'Too Many Requests', detail, told, headers: [['retry-after', String(waitSec)]] };
}
