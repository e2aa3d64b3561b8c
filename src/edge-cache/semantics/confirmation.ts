/** Asking whether what is kept still holds, and what the answer says of it (RFC 9111 §4.3). Pure. */
import type { StoredHead } from '../memory/cached-object.js';
import { firstField, type HeaderPair, type HeaderPairs } from './header-fields.js';

/** What may confirm it, or replace it: a 304, or the answer to a HEAD. */
interface Told {
  readonly headers: HeaderPairs;
  readonly contentLength: number | null;
}

/** RFC 9111 §4.3.1. */
export function conditionsFor({ etag, lastModified }: StoredHead): HeaderPair[] {
  const conditions: HeaderPair[] = [];
  if (etag !== null) conditions.push(['if-none-match', etag]);
  if (lastModified !== null) conditions.push(['if-modified-since', lastModified]);
  return conditions;
}

/** As far as its head tells. Without a validator on both sides it tells nothing. */
export function isSameBody(kept: StoredHead, length: number | null, { headers, contentLength }: Told): boolean {
  if (contentLength !== null && contentLength !== length) return false;
  const pairs = [
    [kept.etag, firstField(headers, 'etag')],
    [kept.lastModified, firstField(headers, 'last-modified')],
  ] as const;
  const told = pairs.filter(([before, now]) => before !== null && now !== null);
  return told.length > 0 && told.every(([before, now]) => before === now);
}

/** The confirmation names another answer than the one kept (RFC 9111 §4.3.4): by the tag where there is one, else by the date. */
export function isOfAnother({ etag, lastModified }: StoredHead, { headers }: Told): boolean {
  const [name, kept] = etag === null ? (['last-modified', lastModified] as const) : (['etag', etag] as const);
  const told = firstField(headers, name);
  return told !== null && kept !== null && told !== kept;
}
