/**
 * How many connections one client may have open at once. For the doors of Node's engines: uWebSockets.js does not tell of connections.
 *
 * Lives as long as the edge. Bounded by the connections there are: an entry ends with the last one of its client.
 */
import type { ConnectionGate } from '../../http/server.js';
import type { GateCounts } from './gate-metrics.js';
import { holderOf, readIpAddress } from './ip-address.js';
import { type IpNetwork, NetworkSet } from './ip-network.js';

export interface ConnectionLimitOptions {
  /** Null: no limit. */
  readonly connectionsMax: number | null;
  /** Their connections are many clients', so they are not counted. */
  readonly trustedProxies: readonly IpNetwork[];
}

/** Null: no limit. */
export function connectionLimit(options: ConnectionLimitOptions, metrics: GateCounts): ConnectionGate | null {
  const { connectionsMax, trustedProxies } = options;
  if (connectionsMax === null) return null;
  const trusted = new NetworkSet(trustedProxies);
  const open = new Map<string, number>();
  return (remoteAddress) => {
    const client = readIpAddress(remoteAddress);
    if (client === null || trusted.has(client)) return () => undefined;
    const { high, low } = holderOf(client);
    const holder = `${high}.${low}`;
    const count = open.get(holder) ?? 0;
    if (count >= connectionsMax) {
      metrics.refused('connections');
      return null;
    }
    open.set(holder, count + 1);
    return () => {
      const left = (open.get(holder) ?? 1) - 1;
      if (left === 0) open.delete(holder);
      else open.set(holder, left);
    };
  };
}
