/** From an object in memory to its record, and from a record's head back. */
import type { CachedObject, StoredHead } from '../memory/cached-object.js';
import type { Freshness } from '../semantics/freshness.js';
import { onceOnly } from '../semantics/once-only.js';
import type { Variation } from '../variant-index.js';
import type { NameHash } from './name-hash.js';
import type { Draft } from './write-queue.js';

const secondMax = 2 ** 32 - 1;

/** Until it is settled it counts as being read, so that its memory is counted; where that is needed all the same, it is not written. */
export function objectDraft(object: CachedObject, hash: NameHash): Draft {
  const bodyBytes = object.filled;
  const reader = object.openReader(0);
  return {
    ...{ kind: 'object', hash, name: object.key, head: JSON.stringify(object.head), bodyBytes },
    freshUntilSec: freshUntilSec(object.head.freshness),
    body: () => (object.phase === 'complete' ? object.view(0, bodyBytes) : null),
    settled: () => reader.close(),
  };
}

/** On what an address's answers vary: without it, none of them would be found after a restart. */
export function variationDraft(name: string, hash: NameHash, lists: readonly Variation[]): Draft {
  return {
    ...{ kind: 'variation', hash, name, head: JSON.stringify({ lists }), bodyBytes: 0, freshUntilSec: secondMax },
    body: () => empty,
    settled: () => undefined,
  };
}
const empty = new Uint8Array(0);

function freshUntilSec({ receivedAt, lifetimeMs, initialAgeMs }: Freshness): number {
  return Math.min(secondMax, Math.max(0, Math.floor((receivedAt + lifetimeMs - initialAgeMs) / 1000)));
}

/** Null: it is none. Its checksum was right, so its writer meant it: what is looked at is what another version might have changed. */
export function readStoredHead(text: string): StoredHead | null {
  const head = readJson(text) as Partial<StoredHead> | null;
  const { lifetimeMs, initialAgeMs, receivedAt, stale } = head?.freshness ?? {};
  const numbers = [head?.status, head?.date, lifetimeMs, initialAgeMs, receivedAt, stale?.whileRevalidateMs];
  const isWhole = numbers.every((number) => typeof number === 'number') && Array.isArray(head?.headers);
  if (!isWhole || typeof head?.upstreamStatus !== 'string') return null;
  const { headers } = head as StoredHead;
  return { ...(head as StoredHead), headers: headers.map(([name, value]) => onceOnly(String(name), String(value))) };
}

/** Null: it is none. Before there were several lists, it was the only one. */
export function readVariation(text: string): readonly Variation[] | null {
  const read = readJson(text) as (Partial<Variation> & { readonly lists?: unknown }) | null;
  const lists: unknown[] = Array.isArray(read?.lists) ? read.lists : [read];
  const readable = lists.map(readList);
  return readable.length > 0 && readable.every((list) => list !== null) ? readable : null;
}

function readList(read: unknown): Variation | null {
  const { names, generation } = (read as Partial<Variation> | null) ?? {};
  return Array.isArray(names) && typeof generation === 'number' ? { names: names.map(String), generation } : null;
}

function readJson(text: string): object | null {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' ? read : null;
  } catch {
    return null;
  }
}
