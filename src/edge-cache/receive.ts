/** The first step of a request to the cached space. */
import type { HttpRequest } from '../http/server.js';
import type { AddressRules } from './address-rules.js';
import { cacheKey } from './cache-key.js';
import type { Asked, Exchange } from './exchange.js';
import { acceptsGzip } from './semantics/accept-encoding.js';
import { parseRanges } from './semantics/byte-range.js';
import { sharedHeaders } from './semantics/request-headers.js';
import { noWishes, wishesOf } from './semantics/request-wishes.js';
import type { VariantIndex } from './variant-index.js';

/** What gives an address its name. */
interface Names {
  readonly variants: Pick<VariantIndex, 'name'>;
  readonly addresses: AddressRules;
}

type Path = { readonly path: string; readonly query: string };

/** Reads what matters of the request, and names what it asks for. */
export function receive({ variants, addresses }: Names, exchange: Exchange, target: Path): Asked {
  const { request } = exchange;
  const query = addresses.query(target.path, target.query);
  const key = cacheKey({ path: target.path, query });
  const { media, held, text } = addresses.read(target.path, query);
  const coding = text ? (acceptsGzip(request.header('accept-encoding')) ? 'gzip' : 'plain') : null;
  const headers = once(() => sharedHeaders(request, { coding, media, cookies: addresses.cookies }));
  // Field by field here and below: what is spread is copied slowly, and thousands come in one turn.
  return {
    request,
    response: exchange.response,
    key,
    coding,
    media,
    held,
    isHead: request.method === 'HEAD',
    name: variants.name({ key, coding }, headers),
    ranges: parseRanges(request.header('range')),
    conditions: conditionsOf(request),
    wishes: media ? noWishes : wishesOf(request),
    headers,
  };
}

function once<Made>(make: () => Made): () => Made {
  let made: Made | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function conditionsOf(request: HttpRequest): Asked['conditions'] {
  return {
    ifNoneMatch: request.header('if-none-match'),
    ifModifiedSince: request.header('if-modified-since'),
    ifRange: request.header('if-range'),
  };
}
