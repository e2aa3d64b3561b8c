/**
 * Gate: who asks, where proxies stand before this door. Only who connects from a trusted network is believed, and of what the
 * fields say, only as much as such proxies have written: from the nearest one on, up to the first that is not trusted.
 */

import { fieldLines, type HeaderPairs } from '../semantics/header-fields.js';
import { ClientRequest } from './client-request.js';
import { forwardedHops, type Hop, xForwardedHops } from './forwarded-hops.js';
import type { GateCounts } from './gate-metrics.js';
import { type IpAddress, writeIpAddress } from './ip-address.js';
import { type IpNetwork, NetworkSet } from './ip-network.js';
import type { Gate, Refusal } from './visit.js';

interface Origin {
  readonly address: IpAddress;
  readonly scheme: Hop['scheme'];
}

/** Null: nobody is trusted. */
export function trustedProxiesGate(networks: readonly IpNetwork[], metrics: GateCounts): Gate | null {
  if (networks.length === 0) return null;
  const trusted = new NetworkSet(networks);
  return (visit) => {
    const { client: peer, request } = visit;
    if (peer === null || !trusted.has(peer)) return null;
    const found = originOf(request.headers, peer, trusted);
    if (found === 'contradiction') {
      metrics.refused('forwarding');
      return contradiction;
    }
    if (found === null) return null;
    const scheme = found.scheme ?? request.scheme;
    visit.comesFrom(new ClientRequest(request, { remoteAddress: writeIpAddress(found.address), scheme }));
    return null;
  };
}

/**
 * Where both kinds of fields are there, a proxy writes one of them and passes the other on as the client wrote it. Which, nobody
 * knows: so they must name the same client.
 */
function originOf(headers: HeaderPairs, peer: IpAddress, trusted: NetworkSet): Origin | 'contradiction' | null {
  const forwarded = fieldLines(headers, 'forwarded');
  const xForwardedFor = fieldLines(headers, 'x-forwarded-for');
  const protos = fieldLines(headers, 'x-forwarded-proto');
  const standard = forwarded.length === 0 ? null : walk(forwardedHops(forwarded), peer, trusted);
  const older = xForwardedFor.length === 0 ? null : walk(xForwardedHops(xForwardedFor, protos), peer, trusted);
  if (standard === null || older === null) return standard ?? older;
  return isSame(standard.address, older.address) ? standard : 'contradiction';
}

/** The nearest hop that is no trusted proxy, or the last one of which something is known. */
function walk(hops: readonly Hop[], peer: IpAddress, trusted: NetworkSet): Origin {
  let found: Origin = { address: peer, scheme: null };
  for (const { address, scheme } of hops) {
    if (address === null) return found;
    found = { address, scheme: scheme ?? found.scheme };
    if (!trusted.has(address)) return found;
  }
  return found;
}

const isSame = (one: IpAddress, other: IpAddress): boolean =>
  one.family === other.family && one.words.every((word, at) => word === other.words[at]);

const contradiction: Refusal = {
  status: 400,
  title: 'Bad Request',
  detail: 'Forwarded and X-Forwarded-For name different clients.',
  told: 'forwarding',
};
