/**
 * When may an answer be kept, and for how long is it fresh (RFC 9111 §3, §4.2)? Pure; times in epoch ms, spans in ms.
 *
 * The cache is shared. It guesses nothing: without a stated lifetime an answer is not kept.
 */
import { type CacheDirectives, deltaSeconds, parseCacheControl } from './cache-control.js';
import { fieldLines, firstField, type HeaderPairs } from './header-fields.js';
import { readHttpDate } from './http-date.js';

export interface Freshness {
  readonly lifetimeMs: number;
  /** Its age when it arrived: "corrected_initial_age" of RFC 9111 §4.2.3. */
  readonly initialAgeMs: number;
  readonly receivedAt: number;
}

/** An answer as it arrived. `askedAt` is when its request was sent, `receivedAt` when its head came. */
export interface ReceivedHead {
  readonly status: number;
  readonly headers: HeaderPairs;
  readonly askedAt: number;
  readonly receivedAt: number;
}

export type Keeping =
  | { readonly keep: true; readonly freshness: Freshness }
  /** `forbidden`: the origin says so; nobody else may get this answer, not even who asked at the same time. */
  | { readonly keep: false; readonly reason: KeepRefusal; readonly forbidden: boolean };

export type KeepRefusal =
  | 'no-store'
  | 'private'
  | 'no-cache'
  | 'authorization'
  | 'set-cookie'
  | 'vary-star'
  | 'status'
  | 'no-lifetime';

const DATE_LAG_MS = 1000;

/** Whether a shared cache may keep this answer to a GET. `authorized`: the request carried Authorization. */
export function keeping(head: ReceivedHead, authorized: boolean): Keeping {
  const directives = parseCacheControl(fieldLines(head.headers, 'cache-control'));
  const forbidden = forbiddenReason(head, directives, authorized);
  if (forbidden !== null) return { keep: false, reason: forbidden, forbidden: true };
  // A part (206) and a bare confirmation (304) are no whole answer.
  if (head.status === 206 || head.status === 304) return { keep: false, reason: 'status', forbidden: false };
  const freshness = freshnessOf(head, directives);
  const fresh = freshness.lifetimeMs > freshness.initialAgeMs;
  return fresh ? { keep: true, freshness } : { keep: false, reason: 'no-lifetime', forbidden: false };
}

function forbiddenReason(head: ReceivedHead, directives: CacheDirectives, authorized: boolean): KeepRefusal | null {
  if (directives.has('no-store')) return 'no-store';
  // Their qualified forms are taken as the unqualified ones, as RFC 9111 §5.2.2.4 allows.
  if (directives.has('private')) return 'private';
  if (directives.has('no-cache')) return 'no-cache';
  const shared = directives.has('public') || directives.has('s-maxage') || directives.has('must-revalidate');
  if (authorized && !shared) return 'authorization';
  // Not forbidden by RFC 9111 §7.3, but a cookie is meant for one viewer.
  if (firstField(head.headers, 'set-cookie') !== null) return 'set-cookie';
  if (fieldLines(head.headers, 'vary').some((line) => line.includes('*'))) return 'vary-star';
  return null;
}

/** RFC 9111 §4.2.1 and §4.2.3. */
function freshnessOf(head: ReceivedHead, directives: CacheDirectives): Freshness {
  return { ...spentFreshness(head), lifetimeMs: lifetimeMs(head, directives) };
}

/** For an answer that nobody may use later: it has an age, but no lifetime. */
export function spentFreshness(head: ReceivedHead): Freshness {
  return { lifetimeMs: 0, initialAgeMs: initialAgeMs(head), receivedAt: head.receivedAt };
}

/** RFC 9111 §4.2.3 "current_age"; never negative, whatever the clock does. */
export function currentAgeMs(freshness: Freshness, now: number): number {
  return freshness.initialAgeMs + Math.max(0, now - freshness.receivedAt);
}

/**
 * What is left of its lifetime; 0 or negative once it is stale. A clock that was set back behind the answer's arrival can't say
 * how long ago that was: the answer is taken for stale, or it would stay fresh until the clock has caught up.
 */
export function freshForMs(freshness: Freshness, now: number): number {
  if (now < freshness.receivedAt) return 0;
  return freshness.lifetimeMs - currentAgeMs(freshness, now);
}

/** A lifetime that cannot be read is none (RFC 9111 §4.2.1). */
function lifetimeMs(head: ReceivedHead, directives: CacheDirectives): number {
  for (const name of ['s-maxage', 'max-age']) {
    if (directives.has(name)) return (deltaSeconds(directives.get(name)) ?? 0) * 1000;
  }
  const expires = firstField(head.headers, 'expires');
  if (expires === null) return 0;
  const at = readHttpDate(expires, head.receivedAt);
  return at === null ? 0 : Math.max(0, at - dateOf(head));
}

function initialAgeMs(head: ReceivedHead): number {
  // Dates have whole seconds, and servers renew theirs once a second: comparing finer would age every answer by up to a
  // second or two, and make live playlists, which are fresh for one, stale as they come.
  const apparentAge = Math.max(0, Math.floor(head.receivedAt / 1000) * 1000 - dateOf(head));
  const aged = apparentAge > DATE_LAG_MS ? apparentAge : 0;
  const correctedAge = ageField(head.headers) * 1000 + Math.max(0, head.receivedAt - head.askedAt);
  return Math.max(aged, correctedAge);
}

/** When the answer was made; without a readable Date, when it arrived (RFC 9110 §6.6.1). Whole seconds. */
export function dateOf(head: ReceivedHead): number {
  const arrived = Math.floor(head.receivedAt / 1000) * 1000;
  const date = firstField(head.headers, 'date');
  return date === null ? arrived : (readHttpDate(date, head.receivedAt) ?? arrived);
}

/** The first member counts, and an unreadable one counts as none (RFC 9111 §5.1). */
function ageField(headers: HeaderPairs): number {
  const first = firstField(headers, 'age')?.split(',')[0]?.trim();
  return deltaSeconds(first) ?? 0;
}
