/**
 * Gate: how much one client may ask for: requests a second (a token bucket: `burst` at once, then the rate), and requests under
 * way at the same time. A client is an IPv4 address or an IPv6 /64.
 */
import { type ClientAccounts, rateOf } from './client-accounts.js';
import type { GateCounts } from './gate-metrics.js';
import type { Gate, Refusal } from './visit.js';

export interface ClientLimits {
  /** Null: no limit. */
  readonly requestsPerSec: number | null;
  /** Of requests at once. */
  readonly burst: number;
  /** Null: no limit. */
  readonly inFlightMax: number | null;
}

/** `accounts` are shared by all doors of an edge. */
export function clientLimitsGate(
  limits: ClientLimits,
  accounts: ClientAccounts,
  now: () => number,
  metrics: GateCounts,
): Gate {
  const { requestsPerSec, burst, inFlightMax } = limits;
  const rate = requestsPerSec === null ? null : rateOf(requestsPerSec, burst);
  return (visit) => {
    const { client } = visit;
    // It has left already.
    if (client === null) return null;
    const at = now();
    const account = accounts.open(client, at);
    if (account === null) return null;
    const waitSec = rate === null ? 0 : accounts.book(account, at, rate);
    if (waitSec > 0) {
      metrics.refused('rate');
      return tooMany('rate', Math.ceil(waitSec), 'More requests came from this client than it may send in this time.');
    }
    if (inFlightMax === null) return null;
    if (!accounts.enter(account, inFlightMax)) {
      metrics.refused('in-flight');
      return tooMany('in-flight', 1, `No more than ${inFlightMax} requests of one client are served at the same time.`);
    }
    visit.watched.onOver(() => accounts.leave(account));
    return null;
  };
}

/** RFC 6585 §4. */
function tooMany(told: string, waitSec: number, detail: string): Refusal {
  return { status: 429, title: 'Too Many Requests', detail, told, headers: [['retry-after', String(waitSec)]] };
}
