/** From the head of an upstream's answer to what is kept of it. Pure. */
import type { StoredHead } from '../memory/cached-object.js';
import { contentRange } from './byte-range.js';
import { dateOf, type Freshness, lastModifiedOf, type ReceivedHead } from './freshness.js';
import { endToEnd, firstField, type HeaderPair, joinedField } from './header-fields.js';
import { writeHttpDate } from './http-date.js';
import { onceOnly } from './once-only.js';
import type { PartPlace } from './part-place.js';
import { directivesOf } from './response-directives.js';

const acceptsRanges: HeaderPair = ['accept-ranges', 'bytes'];
/** Said anew for every answer. */
const remade = new Set(['age', 'cache-status', 'content-length', 'date']);
export function storedHead(received: ReceivedHead, freshness: Freshness): StoredHead {
  const date = dateOf(received);
  return headOf(received.status, keepable(received), received, freshness, date);
}

/** What is for the client alone that asked (RFC 9111 §5.2.2.4, §5.2.2.7). */
export function withheldFields({ headers }: ReceivedHead): readonly HeaderPair[] {
  const { withheld } = directivesOf(headers);
  return withheld.size === 0 ? [] : endToEnd(headers, remade).filter(([name]) => withheld.has(name));
}

function keepable({ headers }: ReceivedHead): HeaderPair[] {
  const { withheld } = directivesOf(headers);
  return endToEnd(headers, withheld.size === 0 ? remade : new Set([...remade, ...withheld]));
}

/** The kept head as a 304 refreshes it: its fields replace those of the same name, but for Content-Length (RFC 9111 §3.2). */
export function refreshedHead(kept: StoredHead, confirmation: ReceivedHead, freshness: Freshness): StoredHead {
  const fresh = keepable(confirmation);
  const replaced = new Set(fresh.map(([name]) => name));
  const headers = [...kept.headers.filter(([name]) => name !== 'date' && !replaced.has(name)), ...fresh];
  return headOf(kept.status, headers, confirmation, freshness, dateOf(confirmation));
}

/**
 * Of two parts of one body, put together at this place; null: of the whole. The fields of the newer replace those of the same name, but for
 * Content-Range (RFC 9111 §3.4).
 */
export function joinedHead(newer: StoredHead, older: StoredHead, place: PartPlace | null): StoredHead {
  const named = new Set([...newer.headers.map(([name]) => name), 'content-range']);
  const fields = newer.headers.filter(([name]) => name !== 'content-range');
  const headers = [...older.headers.filter(([name]) => !named.has(name)), ...fields];
  if (place !== null) headers.push(contentRange(place, place.total));
  return { ...newer, headers, lastModified: newer.lastModified ?? older.lastModified };
}

/** A kept answer and its confirmation as one, to judge whether and how long it may be kept from here on. */
export function confirmedAnswer(kept: StoredHead, confirmation: ReceivedHead): ReceivedHead {
  const named = new Set(confirmation.headers.map(([name]) => name));
  const rest = kept.headers.filter(([name]) => name !== 'date' && !named.has(name));
  return { ...confirmation, status: kept.status, headers: [...rest, ...confirmation.headers] };
}

function headOf(
  status: number,
  fields: readonly HeaderPair[],
  received: ReceivedHead,
  freshness: Freshness,
  date: number,
): StoredHead {
  const headers: HeaderPair[] = [...fields, onceOnly('date', writeHttpDate(date))];
  // This cache serves ranges, whatever the upstream does.
  if (status === 200 && firstField(fields, 'accept-ranges') === null) headers.push(acceptsRanges);
  return {
    status,
    headers,
    upstreamStatus: joinedField(received.headers, 'cache-status'),
    etag: firstField(headers, 'etag'),
    lastModified: lastModifiedOf({ ...received, headers }) === null ? null : firstField(headers, 'last-modified'),
    date,
    freshness,
  };
}
