/** A request to the cached space that is passed on: what is neither GET nor HEAD, or has a body. */
import type { AddressRules } from './address-rules.js';
import { cacheKey } from './cache-key.js';
import type { Exchange, Tools } from './exchange.js';
import type { HitForMiss } from './hit-for-miss.js';
import type { KeptParts } from './kept-parts.js';
import type { LargeBodies } from './large-bodies.js';
import type { MemoryTier } from './memory/memory-tier.js';
import { passThrough } from './pass-through.js';
import { changedBy } from './semantics/invalidation.js';
import type { SharedFetches } from './shared-fetch.js';
import type { Upstream, UpstreamAnswer } from './upstream/upstream.js';
import { plainNames, type VariantIndex } from './variant-index.js';

export interface ChangedSpace extends Tools {
  readonly addresses: AddressRules;
  readonly tier: MemoryTier;
  readonly parts: KeptParts;
  readonly variants: VariantIndex;
  readonly hitForMiss: HitForMiss;
  readonly large: LargeBodies;
  readonly fetches: SharedFetches;
  readonly alone: Pick<Upstream, 'fetch'>;
}

export interface Path {
  readonly path: string;
  readonly query: string;
}

/**
 * What it changes is forgotten before its client hears of the change (RFC 9111 §4.4).
 *
 * @param keep may take the answer over, to keep it; null: it goes to the client as it comes.
 */
export function passOn(
  space: ChangedSpace,
  exchange: Exchange,
  target: Path,
  keep: (answer: UpstreamAnswer) => Promise<void> | null,
): Promise<void> {
  const { request } = exchange;
  const { method } = request;
  const fwd = method === 'GET' || method === 'HEAD' ? 'bypass' : 'method';
  const before = space.fetches.changes;
  const onAnswer = (answer: UpstreamAnswer) => {
    const { status, headers } = answer;
    const isNewest = space.fetches.changes === before;
    const changed = changedBy({ method, host: request.header('host'), target, status, headers });
    for (const address of changed) invalidate(space, address);
    return isNewest ? keep(answer) : null;
  };
  return passThrough(exchange, { upstream: space.alone, target: cacheKey(target), status: { fwd }, onAnswer }, space);
}

function invalidate(space: ChangedSpace, target: Path): void {
  const { addresses, tier, parts, large, variants, fetches, hitForMiss } = space;
  const key = cacheKey({ path: target.path, query: addresses.query(target.path, target.query) });
  for (const name of plainNames(key)) {
    tier.remove(name);
    parts.forget(name);
    large.forget(name);
  }
  variants.forget(key);
  fetches.invalidate(key);
  hitForMiss.forget(key);
}
