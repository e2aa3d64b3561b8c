/** Conditional requests answered from a kept answer (RFC 9110 §13, RFC 9111 §4.3.2). Pure. */
import { readHttpDate } from './http-date.js';

export interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** When the kept answer was made, epoch ms. */
  readonly date: number;
}

export interface Conditions {
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly ifRange: string | undefined;
}

/** Whether the client already holds this: answer 304. If-Modified-Since counts only without If-None-Match. */
export function clientHoldsIt(conditions: Conditions, kept: Validators, now: number): boolean {
  if (conditions.ifNoneMatch !== undefined) return noneMatchHolds(conditions.ifNoneMatch, kept.etag);
  if (conditions.ifModifiedSince === undefined) return false;
  const since = readHttpDate(conditions.ifModifiedSince, now);
  const modified = kept.lastModified === null ? kept.date : readHttpDate(kept.lastModified, now);
  return since !== null && modified !== null && modified <= since;
}

/** Whether a Range may be answered with a part: no If-Range, or one that names exactly this answer (§13.1.5). */
export function rangeApplies(conditions: Conditions, kept: Validators, now: number): boolean {
  const ifRange = conditions.ifRange;
  if (ifRange === undefined) return true;
  // A weak tag never fits: parts must come from the same bytes.
  if (ifRange.startsWith('"')) return ifRange === kept.etag;
  if (ifRange.startsWith('W/') || kept.lastModified === null) return false;
  const modified = readHttpDate(kept.lastModified, now);
  // A date is a strong validator only when it is clearly older than the answer (RFC 9110 §8.8.2.2).
  return modified !== null && modified === readHttpDate(ifRange, now) && kept.date - modified >= 1000;
}

function noneMatchHolds(list: string, etag: string | null): boolean {
  if (list.trim() === '*') return true;
  if (etag === null) return false;
  // Of a tag that is not quoted, as some servers write it, at least the same one is known again.
  if (list.trim() === etag) return true;
  const wanted = opaque(etag);
  return entityTags(list).some((tag) => opaque(tag) === wanted);
}

/** Weak comparison looks at the opaque part alone (RFC 9110 §8.8.3.2). */
const opaque = (tag: string): string => (tag.startsWith('W/') ? tag.slice(2) : tag);

function entityTags(list: string): string[] {
  return list.match(/(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"/g) ?? [];
}
