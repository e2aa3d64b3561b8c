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
/** What one client wishes of caches does not count where our own origin's media are asked for: not further up either. */
const wishes = ['cache-control', 'pragma'];
/** A shared answer must not depend on one client's cookies or on where that client is. */
const droppedShared = new Set([...droppedPassing, ...conditions, 'range', 'cookie']);
const droppedMedia = new Set([...droppedShared, ...wishes]);
const droppedText = new Set([...droppedMedia, 'accept-encoding']);
const droppedAlone = new Set([...droppedPassing, 'cookie']);
const droppedMediaAlone = new Set([...droppedAlone, ...wishes]);

/** For a fetch whose answer is for everybody. `coding`: the only one that is asked for; null: as the client says. */
export function sharedHeaders(request: HttpRequest, coding: Coding | null, media: boolean): HeaderPair[] {
  const fields = endToEnd(request.headers, coding !== null ? droppedText : media ? droppedMedia : droppedShared);
  return [...fields, ...(coding === 'gzip' ? [gzip] : []), via(request.headers)];
}

const gzip: HeaderPair = ['accept-encoding', 'gzip'];

/** For a GET or HEAD of the cached space that goes on its own: with its ranges and conditions. */
export function aloneHeaders(request: HttpRequest, media: boolean): HeaderPair[] {
  return [...endToEnd(request.headers, media ? droppedMediaAlone : droppedAlone), via(request.headers)];
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
