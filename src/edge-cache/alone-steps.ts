/** A request that goes upstream for itself; and what is served of the kept where that fails. */

import type { HttpRequest } from '../http/server.js';
import type { AddressRules } from './address-rules.js';
import { answerFailure } from './answer-problem.js';
import { deliverObject, settled } from './deliver.js';
import type { Asked, Tools } from './exchange.js';
import { fetchFor } from './fetch-asked.js';
import type { HitForMiss } from './hit-for-miss.js';
import { passInterim } from './interim.js';
import type { CachedObject } from './memory/cached-object.js';
import type { CacheStatus } from './semantics/cache-status.js';
import { freshForMs, isOriginFailure, keeping } from './semantics/freshness.js';
import { aloneHeaders } from './semantics/request-headers.js';
import { servesOnError } from './semantics/request-wishes.js';
import type { SharedFetches } from './shared-fetch.js';
import { streamAnswer } from './stream-answer.js';
import type { Upstream, UpstreamAnswer } from './upstream/upstream.js';

export interface AloneSpace extends Tools {
  readonly addresses: AddressRules;
  readonly hitForMiss: HitForMiss;
  readonly fetches: SharedFetches;
  /** For what is not shared; and for that of it which the origin may hold back. */
  readonly alone: Pick<Upstream, 'fetch'>;
  readonly held: Pick<Upstream, 'fetch'>;
  readonly objectBytesMax: number;
  /** How stale an answer may be while the origin fails, where neither the origin nor the client says. */
  readonly staleIfErrorMs: number;
}

/** For this client only: with its own ranges and conditions. `stale`: what will do where the origin fails. */
export async function fetchAlone(
  space: AloneSpace,
  asked: Asked,
  status: CacheStatus,
  stale: CachedObject | null = null,
): Promise<void> {
  const { request, response, key } = asked;
  const before = space.fetches.changes;
  // It may have to do, and must still be there then.
  const reader = stale?.openReader(0);
  const outcome = await (asked.held ? space.held : space.alone).fetch({
    method: request.method,
    target: key,
    headers: aloneHeaders(request, { media: asked.media, cookies: space.addresses.cookies }),
    onInterim: passInterim(asked),
    signal: request.signal,
  });
  if (reader !== undefined) setImmediate(() => reader.close());
  if (outcome.kind === 'gone') return;
  const told = { ...status, collapsed: false };
  const failedWith = outcome.kind === 'failed' ? undefined : failureStatus(outcome.answer.status);
  if (failedWith !== null && servesStale(space, asked, stale)) {
    if (outcome.kind === 'answer') outcome.answer.body.destroy();
    return deliverStale(space, asked, stale, { ...told, fwdStatus: failedWith });
  }
  if (outcome.kind === 'answer') {
    const isNewest = space.fetches.changes === before;
    return isNewest && isAskedAsForAll(asked)
      ? streamForAll(space, asked, outcome.answer, told)
      : streamAlone(space, asked, outcome.answer, told);
  }
  space.metrics.request('failed');
  return answerFailure(response, outcome.failure, told);
}

/** What one client asked for, but can be kept, is for everybody after all. */
export function streamForAll(
  space: AloneSpace,
  asked: Asked,
  answer: UpstreamAnswer,
  status: CacheStatus,
): void | Promise<void> {
  const landing = couldBeKept(space, asked, answer) ? space.fetches.adopt(fetchFor(asked), answer) : null;
  if (landing?.kind === 'object') {
    const { object, own } = landing;
    const told = { ...status, fwdStatus: answer.status, stored: true, ttl: ttlOf(space, object) };
    return settled(deliverObject({ asked, object, status: told, tools: space, own }));
  }
  const unshared = landing?.kind === 'unshared' ? landing.claim() : null;
  return streamAlone(space, asked, unshared ?? answer, status);
}

export function streamAlone(
  space: AloneSpace,
  asked: Asked,
  answer: UpstreamAnswer,
  status: CacheStatus,
): Promise<void> {
  if (couldBeKept(space, asked, answer)) space.hitForMiss.forget(asked.key);
  if (asked.isHead && !asked.held) space.fetches.freshen(fetchFor(asked), answer);
  space.metrics.request('miss');
  return streamAnswer(asked, answer, status, space);
}

/** What went upstream is what would go there for everybody, as far as the answer depends on it. */
export function isAskedAsForAll({ isHead, held, coding, wishes, conditions, ranges, request }: Asked): boolean {
  if (isHead || held || coding !== null || wishes.noStore || ranges !== null || isForOrigin(request)) return false;
  return Object.values(conditions).every((condition) => condition === undefined);
}

/** Conditions that are no cache's affair (RFC 9110 §13.1.1, §13.1.4). */
export const isForOrigin = (request: HttpRequest): boolean =>
  request.header('if-match') !== undefined || request.header('if-unmodified-since') !== undefined;

/** Then the next request may start a shared fetch again. */
function couldBeKept(space: AloneSpace, { key, request }: Asked, { contentLength, ...head }: UpstreamAnswer): boolean {
  const small = contentLength === null ? !space.hitForMiss.wasTooLarge(key) : contentLength <= space.objectBytesMax;
  return small && keeping(head, request.header('authorization') !== undefined).keep;
}

/** The status of an answer by which the origin says that it failed; null: it did not. */
export const failureStatus = (status: number): number | null => (isOriginFailure(status) ? status : null);

/** Whether what is kept will do, though it is stale, where the origin has failed. */
export function servesStale(
  { staleIfErrorMs, now }: AloneSpace,
  asked: Asked,
  object: CachedObject | null,
): object is CachedObject {
  return object !== null && servesOnError(object.head.freshness, asked.wishes, staleIfErrorMs, now());
}

/** RFC 9111 §4.2.4, RFC 5861 §4. */
export function deliverStale(
  space: AloneSpace,
  asked: Asked,
  object: CachedObject,
  status: CacheStatus,
): void | Promise<void> {
  const told = { ...status, ttl: ttlOf(space, object), detail: 'stale-if-error' };
  const delivered = deliverObject({ asked, object, status: told, tools: space });
  if (delivered === 'unavailable') return fetchAlone(space, asked, { fwd: 'stale', detail: 'unavailable' });
  return settled(delivered);
}

/** Seconds of freshness left. */
export const ttlOf = ({ now }: Pick<Tools, 'now'>, object: CachedObject): number =>
  Math.ceil(freshForMs(object.head.freshness, now()) / 1000);
