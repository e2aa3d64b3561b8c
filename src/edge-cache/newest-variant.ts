import type { CachedObject } from './memory/cached-object.js';

/** Of several answers that a request selects, the newest counts, by Date (RFC 9111 §4.1); of the same second, what came last. Null: none. */
export function newestOf(objects: readonly (CachedObject | undefined)[]): CachedObject | null {
  let newest: CachedObject | null = null;
  for (const object of objects)
    if (object !== undefined && (newest === null || isNewer(object, newest))) newest = object;
  return newest;
}

function isNewer({ head: one }: CachedObject, { head: other }: CachedObject): boolean {
  return one.date === other.date ? one.freshness.receivedAt > other.freshness.receivedAt : one.date > other.date;
}
