/** What of a client's head goes upstream. Pure. */
import type { HttpRequest } from '../http/server.js';
import { endToEnd, type HeaderPair, type HeaderPairs, joinedField } from './header-fields.js';
import type { Coding } from './variant-index.js';

const conditions = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];
/** Said anew at this hop. `Expect` is answered by our own door, which asks for the body as the upstream takes it. */
const remade = ['host', 'content-length', 'expect', 'via'];
/** Where the client came from is for us to say: whoever is asked upstream trusts these. */
const forwarding = ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip'];

const droppedPassing = new Set([...remade, ...forwarding]);
/**
 * A shared answer must not depend on one client's cookies or on where that client is, and a shared cache need not heed
 * the wishes of one (RFC 9111 §5.2.1): those wishes must not reach the caches further up either.
 */
const droppedShared = new Set([...droppedPassing, ...conditions, 'range', 'cookie', 'cache-control', 'pragma']);
const droppedAlone = new Set([...droppedPassing, 'cookie', 'cache-control', 'pragma']);

const droppedSharedText = new Set([...droppedShared, 'accept-encoding']);

/** For a fetch whose answer is for everybody. `coding`: the only one that is asked for; null: as the client says. */
export function sharedHeaders(request: HttpRequest, coding: Coding | null): HeaderPair[] {
  const fields = endToEnd(request.headers, coding === null ? droppedShared : droppedSharedText);
  return [...fields, ...(coding === 'gzip' ? [gzip] : []), via(request.headers)];
}

const gzip: HeaderPair = ['accept-encoding', 'gzip'];

/** For a GET or HEAD of the cached space that goes on its own: with its ranges and conditions. */
export function aloneHeaders(request: HttpRequest): HeaderPair[] {
  return [...endToEnd(request.headers, droppedAlone), via(request.headers)];
}

/** For a request passed through: whole, and with where it came from. */
export function passedHeaders(request: HttpRequest): HeaderPair[] {
  const headers: HeaderPair[] = [...endToEnd(request.headers, droppedPassing), via(request.headers)];
  headers.push(['x-forwarded-for', request.remoteAddress], ['x-forwarded-proto', request.scheme]);
  const host = request.header('host');
  if (host !== undefined) headers.push(['x-forwarded-host', host]);
  return headers;
}

/** RFC 9110 §7.6.3. */
function via(headers: HeaderPairs): HeaderPair {
  const before = joinedField(headers, 'via');
  return ['via', before === '' ? '1.1 headwater' : `${before}, 1.1 headwater`];
}
