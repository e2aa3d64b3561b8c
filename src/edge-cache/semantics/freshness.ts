/**
 * When may an answer be kept, for how long is it fresh, and what may be done with it then (RFC 9111 §3, §4.2)? Pure; times in epoch
 * ms, spans in ms.
 *
 * The cache is shared. What has no lifetime is kept where it can be confirmed.
 */
import { type CacheDirectives, deltaSeconds } from './cache-control.js';
import { fieldLines, firstField, type HeaderPairs } from './header-fields.js';
import { readHttpDate } from './http-date.js';
import { directivesOf, type ResponseDirectives } from './response-directives.js';

export interface Freshness {
  /** 0: it is to be confirmed each time. */
  readonly lifetimeMs: number;
  /** Its age when it arrived: "corrected_initial_age" of RFC 9111 §4.2.3. */
  readonly initialAgeMs: number;
  readonly receivedAt: number;
  readonly stale: StaleUse;
}

/** What the origin says of an answer that is stale (RFC 9111 §4.2.4, RFC 5861). */
interface StaleUse {
  /** It may not be used without being confirmed. */
  readonly forbidden: boolean;
  /** For so long it may, while it is fetched anew. */
  readonly whileRevalidateMs: number;
  /** For so long it may where the origin fails; null where nothing is said. */
  readonly ifErrorMs: number | null;
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

/** Statuses that say that the origin, or what stands behind it, has failed (RFC 5861 §4). */
export const isOriginFailure = (status: number): boolean => [500, 502, 503, 504].includes(status);

const DATE_LAG_MS = 1000;
/** RFC 9110 §15.1: these may be kept on a guess. */
const guessable = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** A guess is this part of the time for which it had not changed (RFC 9111 §4.2.2), and never more than a day. */
const GUESSED_PART = 0.1;
const GUESSED_MS_MAX = 24 * 3600 * 1000;
/** What is not there is mostly asked for again at once, by many. */
const isAbsence = (status: number): boolean => status === 404 || status === 410;
const GUESSED_ABSENT_MS = 1000;
/** Statuses whose meaning we know (RFC 9110 §15, and 429, 451). */
const understood = /^(?:20[0-6]|30[0-57-8]|40[0-9]|41[0-7]|42[1269]|451|50[0-5])$/;

/** Whether a shared cache may keep this answer to a GET. `authorized`: the request carried Authorization. */
export function keeping(head: ReceivedHead, authorized: boolean): Keeping {
  const found = directivesOf(head.headers);
  const { directives } = found;
  const forbidden = forbiddenReason(head, found, authorized);
  if (forbidden !== null) return { keep: false, reason: forbidden, forbidden: true };
  // A part (206) and a bare confirmation (304) are no whole answer.
  if (head.status === 206 || head.status === 304) return { keep: false, reason: 'status', forbidden: false };
  const freshness = freshnessOf(head, found);
  if (isOfUse(head, freshness)) return { keep: true, freshness };
  const noCache = directives.has('no-cache');
  return { keep: false, reason: noCache ? 'no-cache' : 'no-lifetime', forbidden: noCache };
}

/** It is fresh, may be used when it is not, or can be confirmed. */
function isOfUse(head: ReceivedHead, { lifetimeMs, initialAgeMs, stale }: Freshness): boolean {
  if (lifetimeMs > initialAgeMs) return true;
  const usableMs = stale.forbidden ? 0 : Math.max(stale.whileRevalidateMs, stale.ifErrorMs ?? 0);
  if (lifetimeMs + usableMs > initialAgeMs) return true;
  if (head.status !== 200) return false;
  return firstField(head.headers, 'etag') !== null || lastModifiedOf(head) !== null;
}

function forbiddenReason(head: ReceivedHead, found: ResponseDirectives, authorized: boolean): KeepRefusal | null {
  const { directives, withheld } = found;
  const isUnderstood = understood.test(String(head.status));
  // RFC 9111 §5.2.2.3.
  if (directives.has('must-understand') && !isUnderstood) return 'status';
  if (directives.has('no-store') && !directives.has('must-understand')) return 'no-store';
  if (directives.has('private')) return 'private';
  const shared = directives.has('public') || directives.has('s-maxage') || directives.has('must-revalidate');
  if (authorized && !shared) return 'authorization';
  if (firstField(head.headers, 'set-cookie') !== null && !withheld.has('set-cookie') && !isMeantForShared(found)) {
    return 'set-cookie';
  }
  if (fieldLines(head.headers, 'vary').some((line) => line.includes('*'))) return 'vary-star';
  return null;
}

/**
 * RFC 9111 §7.3 lets answers that set a cookie be kept; but a cookie is mostly meant for one viewer, and who writes `max-age` may have had
 * that one's browser in mind. What names caches like this one has not.
 */
function isMeantForShared({ directives, targeted }: ResponseDirectives): boolean {
  return directives.has('public') || directives.has('s-maxage') || (targeted && directives.has('max-age'));
}

/** RFC 9111 §4.2.1 and §4.2.3. */
function freshnessOf(head: ReceivedHead, found: ResponseDirectives): Freshness {
  const { initialAgeMs, receivedAt } = spentFreshness(head);
  return { lifetimeMs: lifetimeMs(head, found), initialAgeMs, receivedAt, stale: staleUse(found.directives) };
}

/** For an answer that nobody may use later: it has an age, but no lifetime. */
export function spentFreshness(head: ReceivedHead): Freshness {
  const stale = { forbidden: true, whileRevalidateMs: 0, ifErrorMs: null };
  return { lifetimeMs: 0, initialAgeMs: initialAgeMs(head), receivedAt: head.receivedAt, stale };
}

/**
 * `s-maxage` forbids as well (RFC 9111 §5.2.2.10); but who writes a span of RFC 5861 beside it means that, as everybody who serves
 * such answers takes it.
 */
function staleUse(directives: CacheDirectives): StaleUse {
  const spans = ['stale-while-revalidate', 'stale-if-error'];
  const [whileRevalidateMs = null, ifErrorMs = null] = spans.map((name) => {
    const seconds = deltaSeconds(directives.get(name));
    return seconds === null ? null : seconds * 1000;
  });
  const confirmedOnly = ['no-cache', 'must-revalidate', 'proxy-revalidate'].some((name) => directives.has(name));
  const forbidden = confirmedOnly || (directives.has('s-maxage') && whileRevalidateMs === null && ifErrorMs === null);
  return { forbidden, whileRevalidateMs: whileRevalidateMs ?? 0, ifErrorMs };
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
function lifetimeMs(head: ReceivedHead, { directives, targeted }: ResponseDirectives): number {
  if (directives.has('no-cache')) return 0;
  for (const name of ['s-maxage', 'max-age']) {
    if (directives.has(name)) return (deltaSeconds(directives.get(name)) ?? 0) * 1000;
  }
  const expires = targeted ? null : firstField(head.headers, 'expires');
  if (expires === null) return guessedLifetimeMs(head, directives);
  const at = readHttpDate(expires, head.receivedAt);
  return at === null ? 0 : Math.max(0, at - dateOf(head));
}

/** RFC 9111 §4.2.2. */
function guessedLifetimeMs(head: ReceivedHead, directives: CacheDirectives): number {
  const modified = lastModifiedOf(head);
  if (modified === null && isAbsence(head.status)) return GUESSED_ABSENT_MS;
  if (modified === null || !(guessable.has(head.status) || directives.has('public'))) return 0;
  return Math.min(Math.max(0, dateOf(head) - modified) * GUESSED_PART, GUESSED_MS_MAX);
}

/** Epoch ms; null where there is none that can be read. */
export function lastModifiedOf(head: ReceivedHead): number | null {
  const line = firstField(head.headers, 'last-modified');
  return line === null ? null : readHttpDate(line, head.receivedAt);
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
