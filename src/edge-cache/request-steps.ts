/**
 * A request to the cached space, step by step:
 *
 *   receive → name → look up ┬ usable ────────────────────────────────────────→ deliver
 *      │                     ├ kept in blocks → large-steps, in part → part-steps
 *      │                     ├ on disk → read into memory, and look at it as above or below
 *      │                     ├ absent or stale → join or start a shared fetch ┬→ deliver (stale, where the origin fails)
 *      │                     └ not to be kept ───────────→ fetch alone ───────┼→ stream
 *      └ not a plain GET or HEAD → change-steps                               └→ fetch alone → stream
 *
 * Each step is one function below; what a request fetches alone is in alone-steps. A hit runs to its end without waiting for anything.
 */
import {
  type AloneSpace,
  deliverStale,
  failureStatus,
  fetchAlone,
  isAskedAsForAll,
  isForOrigin,
  servesStale,
  streamAlone,
  streamForAll,
  ttlOf,
} from './alone-steps.js';
import { answerFailure, answerProblem } from './answer-problem.js';
import { type Path, passOn } from './change-steps.js';
import { type Delivered, deliverObject, settled } from './deliver.js';
import type { EdgeMetrics } from './edge-metrics.js';
import type { Asked, Exchange } from './exchange.js';
import { fetchFor } from './fetch-asked.js';
import type { Flight, Landing } from './flight.js';
import type { KeptPart, KeptParts } from './kept-parts.js';
import type { LargeBodies, LargeBody } from './large-bodies.js';
import { serveLarge } from './large-steps.js';
import type { CachedObject } from './memory/cached-object.js';
import type { MemoryTier } from './memory/memory-tier.js';
import { serveKeptPart, serveSentPart } from './part-steps.js';
import type { Prefetch } from './prefetch.js';
import { type Disks, readFromDisk } from './read-from-disk.js';
import { receive } from './receive.js';
import type { CacheStatus } from './semantics/cache-status.js';
import { freshForMs } from './semantics/freshness.js';
import type { HeaderPairs } from './semantics/header-fields.js';
import { isAnswerToGet } from './semantics/posted-answer.js';
import { useOf } from './semantics/request-wishes.js';
import type { Lending } from './threads/lending.js';
import type { UpstreamAnswer } from './upstream/upstream.js';
import type { VariantIndex } from './variant-index.js';

export interface CachedSpace extends AloneSpace {
  readonly metrics: EdgeMetrics;
  readonly tier: MemoryTier;
  readonly disk: Disks | null;
  readonly parts: KeptParts;
  readonly variants: VariantIndex;
  readonly large: LargeBodies;
  /** Null: off. */
  readonly prefetch: Prefetch | null;
  /** To the threads that have doors; null: there are none. */
  readonly lending: Pick<Lending, 'lend'> | null;
}

type Found =
  /** `accepted` and `meanwhile` are stale, and will do all the same; the latter is fetched anew behind the answer. */
  | { readonly kind: 'fresh' | 'accepted' | 'meanwhile'; readonly object: CachedObject }
  | { readonly kind: 'stale'; readonly object: CachedObject }
  | { readonly kind: 'large'; readonly body: LargeBody }
  | { readonly kind: 'absent' }
  /** Its last answer could not be kept; or this request forbids it. */
  | { readonly kind: 'unkept'; readonly why: string };

export function serveCached(space: CachedSpace, exchange: Exchange, target: Path): void | Promise<void> {
  const { method, hasBody } = exchange.request;
  if ((method !== 'GET' && method !== 'HEAD') || hasBody) {
    return passOn(space, exchange, target, (answer) => keepPosted(space, exchange, target, answer));
  }
  const asked = receive(space, exchange, target);
  const answering = answer(space, asked);
  if (asked.media) space.prefetch?.after(asked);
  return answering;
}

function answer(space: CachedSpace, asked: Asked): void | Promise<void> {
  const found = lookUp(space, asked);
  if (found.kind === 'fresh' || found.kind === 'accepted') return hit(space, asked, found.object, found.kind);
  if (found.kind === 'meanwhile') return hitMeanwhile(space, asked, found.object);
  const { disk } = space;
  if (found.kind === 'absent' && disk?.has(asked.name)) return serveFromDisk(space, disk, asked);
  const part = found.kind === 'absent' && asked.ranges !== null && !asked.isHead ? serveKeptPart(space, asked) : null;
  if (part !== null) return part;
  if (asked.wishes.onlyIfCached) return notCached(space, asked);
  if (found.kind === 'large') return serveInBlocks(space, asked, found.body);
  if (found.kind === 'unkept') return fetchAlone(space, asked, { fwd: 'uri-miss', detail: found.why });
  return fetchShared(space, asked, found);
}

function lookUp(
  { tier, hitForMiss, large, now }: CachedSpace,
  { name, key, wishes, isHead, media, request }: Asked,
): Found {
  const object = tier.get(name);
  if (object !== undefined) {
    const use = useOf(object.head.freshness, wishes, now());
    if (use !== 'confirm') return { kind: use, object };
  }
  if (wishes.noStore) return { kind: 'unkept', why: 'no-store-asked' };
  if (!media && isForOrigin(request)) return { kind: 'unkept', why: 'conditional' };
  if (object !== undefined) return { kind: 'stale', object };
  const body = isHead ? undefined : large.get(name);
  if (body !== undefined) return { kind: 'large', body };
  return hitForMiss.has(key) ? { kind: 'unkept', why: 'hit-for-miss' } : { kind: 'absent' };
}

function hit(space: CachedSpace, asked: Asked, object: CachedObject, how: string): void | Promise<void> {
  const status = { hit: true, ttl: ttlOf(space, object), detail: how === 'fresh' ? undefined : how };
  space.prefetch?.sent(object);
  const delivered = deliverObject({ asked, object, status, tools: space });
  if (how === 'fresh') space.lending?.lend(object);
  return settled(delivered);
}

/** RFC 5861 §3: the client has the stale answer at once, and one fetch goes on behind it. */
function hitMeanwhile(space: CachedSpace, asked: Asked, object: CachedObject): void | Promise<void> {
  const fetch = fetchFor(asked);
  if (space.fetches.underWay(fetch) === undefined) space.fetches.start(fetch, object);
  return hit(space, asked, object, 'stale-while-revalidate');
}

/** It is brought into memory, for all that ask meanwhile, and may be used as if it had been there. */
async function serveFromDisk(space: CachedSpace, disk: Disks, asked: Asked): Promise<void> {
  const brought = await readFromDisk(disk, space, asked);
  if (asked.request.gone) return;
  if (brought === null) return goUpstream(space, asked, { kind: 'absent' });
  const { object, whole } = brought;
  const selected = { ...asked, name: object.key };
  const use = useOf(object.head.freshness, asked.wishes, space.now());
  if (use === 'meanwhile') return hitMeanwhile(space, selected, object);
  if (use === 'confirm') {
    await whole;
    if (asked.request.gone) return;
    return goUpstream(space, selected, object.phase === 'complete' ? { kind: 'stale', object } : { kind: 'absent' });
  }
  const status = { hit: true, ttl: ttlOf(space, object), detail: use === 'fresh' ? 'disk' : use };
  const delivered = await deliverObject({ asked, object, status, tools: space });
  if (delivered === 'unavailable') return goUpstream(space, selected, { kind: 'absent' });
}

function goUpstream(space: CachedSpace, asked: Asked, found: Found): void | Promise<void> {
  return asked.wishes.onlyIfCached ? notCached(space, asked) : fetchShared(space, asked, found);
}

/** RFC 9111 §5.2.1.7. */
function notCached(space: CachedSpace, { response }: Asked): void {
  space.metrics.request('refused');
  const problem = [504, 'Gateway Timeout', 'It is not in this cache, and the request asks for nothing else.'] as const;
  answerProblem(response, problem, { detail: 'only-if-cached' });
}

async function serveInBlocks(space: CachedSpace, asked: Asked, body: LargeBody): Promise<void> {
  if ((await serveLarge(space, asked, body)) === 'served') return;
  space.large.forget(asked.name);
  return fetchAlone(space, asked, { fwd: 'uri-miss', detail: 'not-in-blocks' });
}

/** One fetch for all that ask meanwhile. A HEAD joins one, but does not cause one, unless it is for something small. */
async function fetchShared(space: CachedSpace, asked: Asked, found: Found): Promise<void> {
  const fwd = forwardReason(space, asked, found);
  const fetch = fetchFor(asked);
  const underWay = joined(space, asked, space.fetches.underWay(fetch));
  const stale = found.kind === 'stale' ? found.object : null;
  if (underWay === undefined && asked.isHead && !asked.held) return fetchAlone(space, asked, { fwd }, stale);
  const part = underWay === undefined && found.kind === 'absent' ? partToComplete(space, asked) : null;
  const flight = underWay ?? space.fetches.start(part === null ? fetch : { ...fetch, part }, stale);
  flight.crew?.join(asked.request);
  // It may have to do, and must still be there then.
  const reader = stale?.openReader(0);
  const landing = await flight.landed;
  if (reader !== undefined) setImmediate(() => reader.close());
  if (asked.request.gone) return;
  const status = { fwd: part === null ? fwd : 'partial', collapsed: underWay !== undefined } as const;
  const failedWith = stale === null ? null : failureOf(landing);
  if (failedWith === null || !servesStale(space, asked, stale)) return landed(space, asked, landing, status);
  return deliverStale(space, asked, stale, { ...status, fwdStatus: failedWith });
}

/** What is kept of what it asks for, so that only the rest is fetched. */
function partToComplete({ parts }: CachedSpace, { name, ranges, isHead }: Asked): KeptPart | null {
  return ranges === null && !isHead ? parts.completable(name) : null;
}

/** What has come already is no newer than what is kept: only a request that would take it from there may join it. */
function joined({ now }: CachedSpace, { wishes }: Asked, flight: Flight | undefined): Flight | undefined {
  const landed = flight?.object;
  return landed && useOf(landed.head.freshness, wishes, now()) !== 'fresh' ? undefined : flight;
}

/** The status of an answer by which the origin says that it failed; undefined where there was no answer; null: it did not fail. */
function failureOf(landing: Landing): number | undefined | null {
  if (landing.kind === 'failed') return undefined;
  const status =
    landing.kind === 'object' ? landing.object.head.status : landing.kind === 'unshared' ? landing.status : 0;
  return failureStatus(status);
}

function forwardReason({ variants, now }: CachedSpace, asked: Asked, found: Found): CacheStatus['fwd'] {
  if (found.kind === 'stale') return freshForMs(found.object.head.freshness, now()) > 0 ? 'request' : 'stale';
  return variants.varies(asked) ? 'vary-miss' : 'uri-miss';
}

function landed(space: CachedSpace, asked: Asked, landing: Landing, status: CacheStatus): void | Promise<void> {
  switch (landing.kind) {
    case 'object':
      return deliverFetched(space, asked, landing, status);
    case 'refreshed':
      return deliverFetched(space, asked, { ...landing, kept: true, own: [] }, { ...status, fwdStatus: 304 });
    case 'deserted':
      return undefined;
    case 'failed':
      space.metrics.request('failed');
      return answerFailure(asked.response, landing.failure, status);
    case 'unshared': {
      if (landing.status === 206 && !status.collapsed && asked.ranges !== null)
        return partCame(space, asked, landing, status);
      // What was made for one client goes to that one only, and only if it is just what that one asked for.
      const answer = status.collapsed || asked.ranges !== null ? null : landing.claim();
      const body = answer === null && !asked.isHead ? space.large.get(asked.name) : undefined;
      if (body !== undefined) return serveInBlocks(space, asked, body);
      const why = { ...status, detail: landing.reason };
      return answer === null ? fetchAlone(space, asked, why) : streamAlone(space, asked, answer, why);
    }
  }
}

/** The origin sent a part, though it was asked for the whole. */
function partCame(
  space: CachedSpace,
  asked: Asked,
  { reason, claim }: Extract<Landing, { kind: 'unshared' }>,
  status: CacheStatus,
): void | Promise<void> {
  const answer = claim();
  const told = { ...status, detail: reason };
  const served = answer && serveSentPart(space, asked, answer, told);
  if (served !== null) return served;
  return fetchAlone(space, asked, told);
}

/** What a shared fetch brought, if this request selects it too. Thousands may come here in one turn: a whole object is sent without waiting. */
function deliverFetched(
  space: CachedSpace,
  asked: Asked,
  { object, kept, own, fwdStatus }: { object: CachedObject; kept: boolean; own: HeaderPairs; fwdStatus?: number },
  status: CacheStatus,
): void | Promise<void> {
  // Only now is it known what the answer varies on (RFC 9111 §4.1).
  const isSelected = object.key === asked.name || space.variants.selects(asked, asked.headers, object.key);
  if (!isSelected) return fetchAlone(space, asked, { fwd: 'vary-miss' });
  // What is to be confirmed each time was confirmed for the request that caused this fetch.
  const isForAll = !kept || freshForMs(object.head.freshness, space.now()) > 0;
  if (status.collapsed && !isForAll) return fetchAlone(space, asked, { ...status, detail: 'no-lifetime' });
  const { fwd, collapsed, detail } = status;
  const told = {
    fwd,
    fwdStatus: status.fwdStatus ?? (collapsed ? undefined : (fwdStatus ?? object.head.status)),
    stored: kept ? !collapsed : undefined,
    collapsed,
    ttl: kept ? ttlOf(space, object) : undefined,
    detail,
  };
  space.prefetch?.sent(object);
  const forAll = { asked, object, status: told, tools: space };
  const delivered = deliverObject(collapsed ? forAll : { ...forAll, own });
  const after = (how: Delivered) => {
    if (how === 'unavailable') return fetchAlone(space, asked, { fwd: 'uri-miss', detail: 'unavailable' });
  };
  return delivered instanceof Promise ? delivered.then(after) : after(delivered);
}

/** An answer to POST that says that it is for GETs. Null: it is not, or may not be kept. */
function keepPosted(
  space: CachedSpace,
  exchange: Exchange,
  target: Path,
  answer: UpstreamAnswer,
): Promise<void> | null {
  const { request } = exchange;
  const { status, headers } = answer;
  const change = { method: request.method, host: request.header('host'), target, status, headers };
  if (!isAnswerToGet(change)) return null;
  const conditions = { ifNoneMatch: undefined, ifModifiedSince: undefined, ifRange: undefined };
  const asked = { ...receive(space, exchange, target), ranges: null, conditions };
  return isAskedAsForAll(asked) ? Promise.resolve(streamForAll(space, asked, answer, { fwd: 'method' })) : null;
}
