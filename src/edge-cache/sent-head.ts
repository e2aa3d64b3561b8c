/** The head of an answer from a kept object, as it is sent. Pure but for its memory, the last head it wrote for each of the objects asked for of late. */

import { LRUCache } from 'lru-cache';
import type { CachedObject, StoredHead } from './memory/cached-object.js';
import { type CacheStatus, writeCacheStatus } from './semantics/cache-status.js';
import type { HeaderPair, HeaderPairs } from './semantics/header-fields.js';

interface Written {
  readonly head: StoredHead;
  readonly status: CacheStatus;
  readonly age: number;
  readonly headers: HeaderPairs;
}

const lastWritten = new LRUCache<CachedObject, Written>({ max: 1000 });

/**
 * The kept fields, Age (RFC 9111 §5.1) and Cache-Status. Who gets the same as the one before gets the same array: a part that
 * thousands wait for is written once.
 */
export function sentHead(object: CachedObject, status: CacheStatus, age: number): HeaderPairs {
  const { head } = object;
  const last = lastWritten.get(object);
  if (last !== undefined && last.head === head && last.age === age && isSame(last.status, status)) return last.headers;
  const headers = [...head.headers, ...agedAndTold(head, status, age)];
  lastWritten.set(object, { head, status, age, headers });
  return headers;
}

/** @param age whole seconds. */
export function agedAndTold(head: StoredHead, status: CacheStatus, age: number): readonly HeaderPair[] {
  return [
    ['age', String(age)],
    ['cache-status', writeCacheStatus(status, head.upstreamStatus)],
  ];
}

function isSame(one: CacheStatus, other: CacheStatus): boolean {
  return (
    one.hit === other.hit &&
    one.fwd === other.fwd &&
    one.fwdStatus === other.fwdStatus &&
    one.stored === other.stored &&
    one.collapsed === other.collapsed &&
    one.ttl === other.ttl &&
    one.detail === other.detail
  );
}
