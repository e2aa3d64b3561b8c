/** What of a client's head goes upstream. Pure. */
import type { HttpRequest } from '../../http/server.js';
import type { Coding } from '../variant-index.js';
import { endToEnd, type HeaderPair, type HeaderPairs, joinedField } from './header-fields.js';

const conditions = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];
/** Said anew at this hop. `Expect` is answered by our own door, which asks for the body as the upstream takes it. */
const remade = ['host', 'content-length', 'expect', 'via'];
/** Where the client came from is for us to say: whoever is asked upstream trusts these. */
const forwarding = ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip'];

const droppedPassing = new Set([...remade, ...forwarding]);
/** How the cached space asks upstream. */
interface Asking {
  /** Our own origin's media: what one client wishes of caches does not count there, and not further up either. */
  readonly media: boolean;
  /** Whether the client's go upstream. */
  readonly cookies: boolean;
}

/** A shared answer must not depend on where one client is, nor on what it has already. */
const droppedShared = [...droppedPassing, ...conditions, 'range'];
const wishes = ['cache-control', 'pragma'];

function dropped(always: Iterable<string>, { media, cookies }: Asking, more: readonly string[] = []): Set<string> {
  return new Set([...always, ...(media ? wishes : []), ...(cookies ? [] : ['cookie']), ...more]);
}

/** For a fetch whose answer is for everybody. `coding`: the only one that is asked for; null: as the client says. */
export function sharedHeaders(request: HttpRequest, asking: Asking & { readonly coding: Coding | null }): HeaderPair[] {
  const { coding } = asking;
  const without = dropped(droppedShared, asking, coding === null ? [] : ['accept-encoding']);
  return [...endToEnd(request.headers, without), ...(coding === 'gzip' ? [gzip] : []), via(request.headers)];
}

const gzip: HeaderPair = ['accept-encoding', 'gzip'];

/** For a GET or HEAD of the cached space that goes on its own: with its ranges and conditions. */
export function aloneHeaders(request: HttpRequest, asking: Asking): HeaderPair[] {
  return [...endToEnd(request.headers, dropped(droppedPassing, asking)), via(request.headers)];
}

/** For a request passed through: whole, and with where it came from. */
export function passedHeaders(request: HttpRequest): HeaderPair[] {
  const kept = endToEnd(request.headers, droppedPassing);
  const headers: HeaderPair[] = [...(request.method === 'OPTIONS' ? kept.map(oneHopLess) : kept), via(request.headers)];
  headers.push(['x-forwarded-for', request.remoteAddress], ['x-forwarded-proto', request.scheme]);
  const host = request.header('host');
  if (host !== undefined) headers.push(['x-forwarded-host', host]);
  return headers;
}

/** RFC 9110 §7.6.2. */
function oneHopLess(field: HeaderPair): HeaderPair {
  const [name, value] = field;
  return name === 'max-forwards' && /^\d{1,9}$/.test(value) ? [name, String(Math.max(0, Number(value) - 1))] : field;
}

/** RFC 9110 §7.6.3. */
function via(headers: HeaderPairs): HeaderPair {
  const before = joinedField(headers, 'via');
  return ['via', before === '' ? '1.1 headwater' : `${before}, 1.1 headwater`];
}
