/** What a request says of kept answers (RFC 9111 §5.2.1). Pure; takes any bytes, and never throws. Spans in ms. */
import type { HttpRequest } from '../../http/server.js';
import { type CacheDirectives, deltaSeconds, parseCacheControl } from './cache-control.js';
import { currentAgeMs, type Freshness, freshForMs } from './freshness.js';
import { fieldLines } from './header-fields.js';

export interface Wishes {
  /** Nothing that was not confirmed just now. */
  readonly noCache: boolean;
  /** Nothing of this is to be kept. */
  readonly noStore: boolean;
  /** Nothing that is not kept already. */
  readonly onlyIfCached: boolean;
  readonly maxAgeMs: number;
  readonly minFreshMs: number;
  /** So long past its lifetime an answer will do. */
  readonly maxStaleMs: number;
  /** The same, where the origin fails (RFC 5861 §4); null where nothing is said. */
  readonly staleIfErrorMs: number | null;
}

export const noWishes: Wishes = {
  noCache: false,
  noStore: false,
  onlyIfCached: false,
  maxAgeMs: Number.POSITIVE_INFINITY,
  minFreshMs: 0,
  maxStaleMs: 0,
  staleIfErrorMs: null,
};
const confirmed: Wishes = { ...noWishes, noCache: true };

export function wishesOf(request: Pick<HttpRequest, 'header' | 'headers'>): Wishes {
  if (request.header('cache-control') === undefined)
    return saysNoCache(request.header('pragma')) ? confirmed : noWishes;
  const directives = parseCacheControl(fieldLines(request.headers, 'cache-control'));
  return {
    noCache: directives.has('no-cache'),
    noStore: directives.has('no-store'),
    onlyIfCached: directives.has('only-if-cached'),
    maxAgeMs: spanMs(directives, 'max-age') ?? Number.POSITIVE_INFINITY,
    minFreshMs: spanMs(directives, 'min-fresh') ?? 0,
    maxStaleMs: maxStaleMs(directives),
    staleIfErrorMs: spanMs(directives, 'stale-if-error'),
  };
}

/** RFC 9111 §5.4: it counts where there is no Cache-Control. */
function saysNoCache(pragma: string | undefined): boolean {
  return pragma !== undefined && parseCacheControl([pragma]).has('no-cache');
}

/** Without an argument, however stale (RFC 9111 §5.2.1.2); one that cannot be read is none. */
function maxStaleMs(directives: CacheDirectives): number {
  if (directives.get('max-stale') === null) return Number.POSITIVE_INFINITY;
  return spanMs(directives, 'max-stale') ?? 0;
}

function spanMs(directives: CacheDirectives, name: string): number | null {
  const seconds = deltaSeconds(directives.get(name));
  return seconds === null ? null : seconds * 1000;
}

/**
 * `fresh`: it answers the request. `accepted`: stale, and it does all the same. `meanwhile`: so too, and it is to be fetched anew.
 * `confirm`: not before the origin has confirmed it.
 */
export type Use = 'fresh' | 'accepted' | 'meanwhile' | 'confirm';

/** How a kept answer may be used for a request (RFC 9111 §4). */
export function useOf(freshness: Freshness, wishes: Wishes, now: number): Use {
  if (wishes.noCache || currentAgeMs(freshness, now) > wishes.maxAgeMs) return 'confirm';
  const freshMs = freshForMs(freshness, now);
  if (freshMs > 0) return freshMs >= wishes.minFreshMs ? 'fresh' : 'confirm';
  if (freshness.stale.forbidden || wishes.minFreshMs > 0) return 'confirm';
  if (-freshMs < wishes.maxStaleMs) return 'accepted';
  return -freshMs < freshness.stale.whileRevalidateMs ? 'meanwhile' : 'confirm';
}

/** Whether a stale answer will do where the origin fails. `unsaidMs`: for how long where neither side says. */
export function servesOnError(freshness: Freshness, wishes: Wishes, unsaidMs: number, now: number): boolean {
  if (freshness.stale.forbidden) return false;
  const allowedMs = wishes.staleIfErrorMs ?? freshness.stale.ifErrorMs ?? unsaidMs;
  return -freshForMs(freshness, now) < Math.max(allowedMs, wishes.maxStaleMs);
}
