import type { AddressRules } from './address-rules.js';
import { answerFailure, answerProblem } from './answer-problem.js';
import { cacheKey } from './cache-key.js';
import { type Delivered, deliverObject } from './deliver.js';
import type { EdgeMetrics } from './edge-metrics.js';
import type { Asked, Exchange, Tools } from './exchange.js';
import type { Landing } from './flight.js';
import type { HitForMiss } from './hit-for-miss.js';
import { passInterim } from './interim.js';
import type { LargeBodies, LargeBody } from './large-bodies.js';
import { serveLarge } from './large-steps.js';
import type { CachedObject } from './memory/cached-object.js';
import type { MemoryTier } from './memory/memory-tier.js';
import { passThrough } from './pass-through.js';
import type { Prefetch } from './prefetch.js';
import { type Disks, readFromDisk } from './read-from-disk.js';
import { receive } from './receive.js';
import type { CacheStatus } from './semantics/cache-status.js';
import { freshForMs, isOriginFailure, keeping } from './semantics/freshness.js';
import type { HeaderPairs } from './semantics/header-fields.js';
import { changedBy } from './semantics/invalidation.js';
import { aloneHeaders } from './semantics/request-headers.js';
import { servesOnError, useOf } from './semantics/request-wishes.js';
import { fetchFor, type SharedFetches } from './shared-fetch.js';
import { streamAnswer } from './stream-answer.js';
import type { Lending } from './threads/lending.js';
import type { Upstream, UpstreamAnswer } from './upstream/upstream.js';
import { plainNames, type VariantIndex } from './variant-index.js';

export interface CachedSpace extends Tools {
  readonly metrics: EdgeMetrics;
  readonly addresses: AddressRules;
  readonly tier: MemoryTier;
  readonly disk: Disks | null;
  readonly variants: VariantIndex;
  readonly hitForMiss: HitForMiss;
  readonly large: LargeBodies;
  readonly fetches: SharedFetches;
  /** Null: off. */
  readonly prefetch: Prefetch | null;
  /** To the threads that have doors; null: there are none. */
  readonly lending: Pick<Lending, 'lend'> | null;
  /** For what is not shared; and for that of it which the origin may hold back. */
  readonly alone: Pick<Upstream, 'fetch'>;
  readonly held: Pick<Upstream, 'fetch'>;
  readonly objectBytesMax: number;
  /** How stale an answer may be while the origin fails, where neither the origin nor the client says. */
  readonly staleIfErrorMs: number;
}

type Found =
  /** `accepted` and `meanwhile` are stale, and will do all the same; the latter is fetched anew behind the answer. */
  | { readonly kind: 'fresh' | 'accepted' | 'meanwhile'; readonly object: CachedObject }
  | { readonly kind: 'stale'; readonly object: CachedObject }
  | { readonly kind: 'large'; readonly body: LargeBody }
  | { readonly kind: 'absent' }
  /** Its last answer could not be kept; or this request forbids it. */
  | { readonly kind: 'unkept'; readonly why: string };

type Path = { readonly path: string; readonly query: string };

export function serveCached(space: CachedSpace, exchange: Exchange, target: Path): void | Promise<void> {
  const { method, hasBody } = exchange.request;
  if ((method !== 'GET' && method !== 'HEAD') || hasBody) return passOn(space, exchange, target);
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
  if (asked.wishes.onlyIfCached) return notCached(space, asked);
  if (found.kind === 'large') return serveInBlocks(space, asked, found.body);
  if (found.kind === 'unkept') return fetchAlone(space, asked, { fwd: 'uri-miss', detail: found.why });
  return fetchShared(space, asked, found);
}

function lookUp({ tier, hitForMiss, large, now }: CachedSpace, { name, key, wishes, isHead }: Asked): Found {
  const object = tier.get(name);
  if (object !== undefined) {
    const use = useOf(object.head.freshness, wishes, now());
    if (use !== 'confirm') return { kind: use, object };
  }
  if (wishes.noStore) return { kind: 'unkept', why: 'no-store-asked' };
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
  // A whole object has everything: it is never unavailable.
  return delivered instanceof Promise ? delivered.then(() => undefined) : undefined;
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
  const underWay = space.fetches.underWay(fetch);
  if (underWay === undefined && asked.isHead && !asked.held) return fetchAlone(space, asked, { fwd });
  const stale = found.kind === 'stale' ? found.object : null;
  const flight = underWay ?? space.fetches.start(fetch, stale);
  flight.crew?.join(asked.request);
  // It may have to do, and must still be there then.
  const reader = stale?.openReader(0);
  const landing = await flight.landed;
  if (reader !== undefined) setImmediate(() => reader.close());
  if (asked.request.gone) return;
  const status = { fwd, collapsed: underWay !== undefined };
  const failedWith = stale === null ? null : failureOf(landing);
  if (failedWith === null || !servesStale(space, asked, stale)) return landed(space, asked, landing, status);
  return deliverStale(space, asked, stale, { ...status, fwdStatus: failedWith });
}

/** The status of an answer by which the origin says that it failed; undefined where there was no answer; null: it did not fail. */
function failureOf(landing: Landing): number | undefined | null {
  if (landing.kind === 'failed') return undefined;
  const status =
    landing.kind === 'object' ? landing.object.head.status : landing.kind === 'unshared' ? landing.status : 0;
  return isOriginFailure(status) ? status : null;
}

function servesStale(
  { staleIfErrorMs, now }: CachedSpace,
  asked: Asked,
  object: CachedObject | null,
): object is CachedObject {
  return object !== null && servesOnError(object.head.freshness, asked.wishes, staleIfErrorMs, now());
}

/** RFC 9111 §4.2.4, RFC 5861 §4. */
function deliverStale(
  space: CachedSpace,
  asked: Asked,
  object: CachedObject,
  status: CacheStatus,
): void | Promise<void> {
  const told = { ...status, ttl: ttlOf(space, object), detail: 'stale-if-error' };
  const delivered = deliverObject({ asked, object, status: told, tools: space });
  if (delivered === 'unavailable') return fetchAlone(space, asked, { fwd: 'stale', detail: 'unavailable' });
  return delivered instanceof Promise ? delivered.then(() => undefined) : undefined;
}

function forwardReason({ variants }: CachedSpace, asked: Asked, found: Found): CacheStatus['fwd'] {
  if (found.kind === 'stale') return 'stale';
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
      // What was made for one client goes to that one only, and only if it is just what that one asked for.
      const answer = status.collapsed || asked.ranges !== null ? null : landing.claim();
      const body = answer === null && !asked.isHead ? space.large.get(asked.name) : undefined;
      if (body !== undefined) return serveInBlocks(space, asked, body);
      const why = { ...status, detail: landing.reason };
      return answer === null ? fetchAlone(space, asked, why) : streamAlone(space, asked, answer, why);
    }
  }
}

/** What a shared fetch brought, if this request selects it too. Thousands may come here in one turn: a whole object is sent without waiting. */
function deliverFetched(
  space: CachedSpace,
  asked: Asked,
  { object, kept, own }: { object: CachedObject; kept: boolean; own: HeaderPairs },
  status: CacheStatus,
): void | Promise<void> {
  // Only now is it known what the answer varies on (RFC 9111 §4.1).
  const isSelected = object.key === asked.name || object.key === space.variants.name(asked, asked.headers);
  if (!isSelected) return fetchAlone(space, asked, { fwd: 'vary-miss' });
  // What is to be confirmed each time was confirmed for the request that caused this fetch.
  const isForAll = !kept || freshForMs(object.head.freshness, space.now()) > 0;
  if (status.collapsed && !isForAll) return fetchAlone(space, asked, { ...status, detail: 'no-lifetime' });
  const { fwd, collapsed, detail } = status;
  const told = {
    fwd,
    fwdStatus: status.fwdStatus ?? (collapsed ? undefined : object.head.status),
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

/** For this client only: with its own ranges and conditions; nothing is kept. */
async function fetchAlone(space: CachedSpace, asked: Asked, status: CacheStatus): Promise<void> {
  const { request, response, key } = asked;
  const outcome = await (asked.held ? space.held : space.alone).fetch({
    method: request.method,
    target: key,
    headers: aloneHeaders(request, { media: asked.media, cookies: space.addresses.cookies }),
    onInterim: passInterim(asked),
    signal: request.signal,
  });
  if (outcome.kind === 'gone') return;
  const told = { ...status, collapsed: false };
  if (outcome.kind === 'answer') return streamAlone(space, asked, outcome.answer, told);
  space.metrics.request('failed');
  return answerFailure(response, outcome.failure, told);
}

function streamAlone(space: CachedSpace, asked: Asked, answer: UpstreamAnswer, status: CacheStatus): Promise<void> {
  if (couldBeKept(space, asked, answer)) space.hitForMiss.forget(asked.key);
  if (asked.isHead && !asked.held) space.fetches.freshen(fetchFor(asked), answer);
  space.metrics.request('miss');
  return streamAnswer(asked, answer, status, space);
}

/** Then the next request may start a shared fetch again. */
function couldBeKept(space: CachedSpace, { key, request }: Asked, { contentLength, ...head }: UpstreamAnswer): boolean {
  const small = contentLength === null ? !space.hitForMiss.wasTooLarge(key) : contentLength <= space.objectBytesMax;
  return head.status === 200 && small && keeping(head, request.header('authorization') !== undefined).keep;
}

/** What is neither GET nor HEAD, or has a body. What it changes is forgotten before its client hears of the change. */
function passOn(space: CachedSpace, exchange: Exchange, target: Path): Promise<void> {
  const { request } = exchange;
  const { method } = request;
  const fwd = method === 'GET' || method === 'HEAD' ? 'bypass' : 'method';
  const onAnswer = ({ status, headers }: Pick<UpstreamAnswer, 'status' | 'headers'>) => {
    const changed = changedBy({ method, host: request.header('host'), target, status, headers });
    for (const address of changed) invalidate(space, address);
  };
  return passThrough(exchange, { upstream: space.alone, target: cacheKey(target), status: { fwd }, onAnswer }, space);
}

function invalidate(space: CachedSpace, target: Path): void {
  const { addresses, tier, large, variants, fetches, hitForMiss } = space;
  const key = cacheKey({ path: target.path, query: addresses.query(target.path, target.query) });
  for (const name of plainNames(key)) {
    tier.remove(name);
    large.forget(name);
  }
  variants.forget(key);
  fetches.invalidate(key);
  hitForMiss.forget(key);
}

const ttlOf = (space: CachedSpace, object: CachedObject): number =>
  Math.ceil(freshForMs(object.head.freshness, space.now()) / 1000);
