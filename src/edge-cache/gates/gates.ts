/**
 * The gates of the public doors, from the settings of an edge: what a request must pass before it is served. What is not configured
 * is not there, and an edge without gates does not look for any. Each thread with a door has gates of its own, which go by the same terms.
 */
import { type AccessLines, type AccessLogOptions, type AccessLogTerms, accessLogGate } from './access-log.js';
import { ClientAccounts } from './client-accounts.js';
import { type ClientLimits, ClientShares, clientLimitsGate } from './client-limits.js';
import type { GateCounts } from './gate-metrics.js';
import type { IpNetwork } from './ip-network.js';
import { type CurrentRules, type Judge, judgesOf, networkGate } from './network-rules.js';
import { type SignedOptions, signedGate, takeTokens } from './signed-addresses.js';
import { trustedProxiesGate } from './trusted-proxies.js';
import type { Gate } from './visit.js';

export interface GateOptions {
  /** Who is believed about where a request came from. */
  readonly trustedProxies?: readonly IpNetwork[];
  readonly accessLog?: AccessLogOptions | null;
  readonly limits?: ClientLimits & {
    /** Per client, at the doors of Node's engines; null: no limit. */
    readonly connectionsMax: number | null;
  };
  readonly networks?: CurrentRules;
  /** Null: nothing is signed. */
  readonly signed?: SignedOptions | null;
}

/** The same, fit for `postMessage`. */
export interface GateTerms {
  readonly trustedProxies: readonly IpNetwork[];
  readonly accessLog: AccessLogTerms | null;
  readonly limits: (ClientLimits & { readonly accounts: SharedArrayBuffer }) | null;
  /** Whoever holds them may replace the judges. */
  readonly networks: { judges: readonly Judge[] };
  readonly signed: SignedOptions | null;
}

/** Each null where it is not configured. */
export interface Gates {
  readonly trustedProxies: Gate | null;
  readonly accessLog: Gate | null;
  readonly clientLimits: Gate | null;
  readonly takeTokens: Gate | null;
  readonly networks: Gate | null;
  readonly signed: Gate | null;
}

export interface GateTools {
  readonly now: () => number;
  readonly counts: GateCounts;
  /** Where the access log goes. */
  readonly lines: AccessLines;
}

export function gateTerms({ trustedProxies = [], accessLog, limits, networks, signed = null }: GateOptions): GateTerms {
  const isLimited = limits !== undefined && (limits.requestsPerSec !== null || limits.inFlightMax !== null);
  return {
    trustedProxies,
    accessLog: accessLog ? { sample: accessLog.sample, anonymize: accessLog.anonymize } : null,
    limits: isLimited ? { ...limits, accounts: ClientAccounts.make().shared } : null,
    networks: { judges: networks === undefined ? [] : judgesOf(networks.current) },
    signed: signed !== null && signed.prefixes.length > 0 ? signed : null,
  };
}

export function makeGates(terms: GateTerms, { now, counts, lines }: GateTools): Gates {
  const { trustedProxies, accessLog, limits, networks, signed } = terms;
  return {
    trustedProxies: trustedProxiesGate(trustedProxies, counts),
    accessLog: accessLog && accessLogGate({ ...accessLog, lines }, now, counts),
    clientLimits:
      limits && clientLimitsGate(new ClientShares(limits, new ClientAccounts(limits.accounts)), now, counts),
    takeTokens: signed && takeTokens(signed.parameter),
    networks: networkGate(networks, counts),
    signed: signed && signedGate(signed, now, counts),
  };
}
