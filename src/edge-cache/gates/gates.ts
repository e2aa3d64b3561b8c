/**
 * The gates of the public door, from the settings of an edge: what a request must pass before it is served. What is not configured
 * is not there, and an edge without gates does not look for any.
 */
import type { ConnectionGate } from '../../http/server.js';
import { type AccessLogOptions, accessLogGate } from './access-log.js';
import { type ClientLimits, clientLimitsGate } from './client-limits.js';
import { connectionLimit } from './connection-limit.js';
import type { GateMetrics } from './gate-metrics.js';
import type { IpNetwork } from './ip-network.js';
import { type NetworkRules, networkGate } from './network-rules.js';
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
  readonly networks?: { readonly current: NetworkRules };
  /** Null: nothing is signed. */
  readonly signed?: SignedOptions | null;
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

export function makeGates(options: GateOptions, now: () => number, metrics: GateMetrics): Gates {
  const { trustedProxies = [], accessLog = null, limits, networks, signed = null } = options;
  const guarded = signed !== null && signed.prefixes.length > 0 ? signed : null;
  return {
    trustedProxies: trustedProxiesGate(trustedProxies, metrics),
    accessLog: accessLog === null ? null : accessLogGate(accessLog, now, metrics),
    clientLimits: limits === undefined ? null : clientLimitsGate(limits, now, metrics),
    takeTokens: guarded === null ? null : takeTokens(guarded.parameter),
    networks: networks === undefined ? null : networkGate(networks, metrics),
    signed: guarded === null ? null : signedGate(guarded, now, metrics),
  };
}

/** Whether nobody is asked anything. */
export const areOpen = (gates: Gates): boolean => Object.values(gates).every((gate) => gate === null);

/** For the doors themselves; null: no limit. */
export function makeConnectionGate(options: GateOptions, metrics: GateMetrics): ConnectionGate | null {
  const { limits, trustedProxies = [] } = options;
  return connectionLimit({ connectionsMax: limits?.connectionsMax ?? null, trustedProxies }, metrics);
}
