/**
 * A part of a body that an origin sends though it was asked for the whole. It is kept apart from the whole, and answers ranges that lie in it
 * until the whole is here (RFC 9111 §3.3).
 */
import { ttlOf } from './alone-steps.js';
import { deliverFromPart, settled } from './deliver.js';
import type { Asked, Tools } from './exchange.js';
import { fetchFor } from './fetch-asked.js';
import type { KeptParts } from './kept-parts.js';
import type { CachedObject } from './memory/cached-object.js';
import type { CacheStatus } from './semantics/cache-status.js';
import { rangeApplies } from './semantics/conditional.js';
import { partPlace, rangeWithin } from './semantics/part-place.js';
import { useOf } from './semantics/request-wishes.js';
import type { SharedFetches } from './shared-fetch.js';
import { streamAnswer } from './stream-answer.js';
import type { UpstreamAnswer } from './upstream/upstream.js';

export interface PartSpace extends Tools {
  readonly parts: KeptParts;
  readonly fetches: SharedFetches;
}

type Served = void | Promise<void>;

/** From a part that is kept; null: none that answers this. */
export function serveKeptPart(space: PartSpace, asked: Asked): Served | null {
  for (const { object } of space.parts.of(asked.name)) {
    if (useOf(object.head.freshness, asked.wishes, space.now()) !== 'fresh') continue;
    const served = sendPart(space, asked, object, { hit: true, detail: 'part' });
    if (served !== null) return served;
  }
  return null;
}

/** From a part that has come for this client; null: that does not answer it, and nothing of it is left but what is kept. */
export function serveSentPart(
  space: PartSpace,
  asked: Asked,
  answer: UpstreamAnswer,
  status: CacheStatus,
): Served | null {
  const place = partPlace(answer.headers);
  const range = place && rangeWithin(asked.ranges ?? [], place);
  const length = place && place.last - place.first + 1;
  const fits = range !== null && (answer.contentLength ?? length) === length;
  const landing = fits && place !== null ? space.fetches.adoptPart(fetchFor(asked), answer, place) : null;
  if (landing?.kind === 'object') {
    return sendPart(space, asked, landing.object, { ...status, fwdStatus: 206, stored: true, detail: 'part' });
  }
  const unkept = landing?.kind === 'unshared' ? landing.claim() : answer;
  const isJustThat = fits && range.first === place?.first && range.last === place.last;
  if (unkept === null || !isJustThat || hasCondition(asked) || asked.conditions.ifRange !== undefined) {
    unkept?.body.destroy();
    return null;
  }
  space.metrics.request('miss');
  return streamAnswer(asked, unkept, status, space);
}

function sendPart(space: PartSpace, asked: Asked, object: CachedObject, status: CacheStatus): Served | null {
  const { head, phase } = object;
  const place = partPlace(head.headers);
  const range = place && rangeWithin(asked.ranges ?? [], place);
  if (place === null || range === null || phase === 'failed' || phase === 'overflowed') return null;
  if (hasCondition(asked) || !rangeApplies(asked.conditions, head, space.now())) return null;
  const told = { ...status, ttl: ttlOf(space, object) };
  return settled(deliverFromPart({ asked, object, status: told, tools: space }, range, place));
}

/** Beside If-Range: then the whole is needed to answer. */
const hasCondition = ({ conditions: { ifNoneMatch, ifModifiedSince } }: Asked): boolean =>
  ifNoneMatch !== undefined || ifModifiedSince !== undefined;
