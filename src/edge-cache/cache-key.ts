/**
 * Reads a request's target: refuses what is no plain path, normalizes the rest, and names the cache entry. Pure.
 *
 * The key is what goes upstream, so two requests share an entry exactly when the upstream could not tell them apart.
 * Under `/live` only HLS's delivery directives mean something (draft-pantos-hls-rfc8216bis §6.2.5), under `/vod` and `/media`
 * nothing: all other parameters (players' session ids, tokens, cache busters) are dropped from the key *and* from the upstream
 * request, and the directives are put into one form, so that all who wait for the same part share one fetch. Elsewhere the query
 * is kept as sent, since pages of any origin may depend on it.
 */
export type Target =
  | { readonly kind: 'path'; readonly path: string; readonly query: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** Both in bytes as sent. */
const pathBytesMax = 2048;
const queryBytesMax = 8192;
const visibleAscii = /^[\x21-\x7e]*$/;
const unreserved = /[A-Za-z0-9\-._~]/;

export function readTarget(path: string, query: string): Target {
  if (path.length > pathBytesMax) return refused(`The path is longer than ${pathBytesMax} bytes.`);
  if (query.length > queryBytesMax) return refused(`The query is longer than ${queryBytesMax} bytes.`);
  if (!path.startsWith('/')) return refused('The path must begin with a slash.');
  if (!visibleAscii.test(path) || !visibleAscii.test(query)) {
    return refused('The address contains characters that must be percent-encoded.');
  }
  if (/[\\"<>^`{|}#]/.test(path)) return refused('The path contains a character that is not allowed in a path.');
  return normalized(path, query);
}

/** The same for a server that we know nothing of: its paths are its own affair. */
export function readPlainTarget(path: string, query: string): Target {
  if (path.length + query.length > queryBytesMax) return refused(`The address is longer than ${queryBytesMax} bytes.`);
  if (!path.startsWith('/')) return refused('The path must begin with a slash.');
  if (visibleAscii.test(path) && visibleAscii.test(query)) return { kind: 'path', path, query };
  return refused('The address contains characters that must be percent-encoded.');
}

/** The name of the cache entry. */
export function cacheKey(target: { readonly path: string; readonly query: string }): string {
  return target.query === '' ? target.path : `${target.path}?${target.query}`;
}

/** Whether the path is `root` or lies below it: `/v1`, `/v1/videos`, but not `/v1x`. */
export function isUnder(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

/** Keeps of the query what the answer may depend on. */
export function meaningfulQuery(path: string, query: string): string {
  if (query === '') return '';
  if (isUnder(path, '/live')) return deliveryDirectives(query);
  return isUnder(path, '/vod') || isUnder(path, '/media') ? '' : query;
}

const directives = ['_HLS_msn', '_HLS_part', '_HLS_skip'];
/** As players write them, and thousands do in one turn. */
const inOrder = /^_HLS_msn=(?:0|[1-9]\d*)(?:&_HLS_part=(?:0|[1-9]\d*))?(?:&_HLS_skip=(?:YES|v2))?$/;

/** In one order, the first of each, numbers without leading zeros. What is not understood goes on as it is: the origin refuses it. */
function deliveryDirectives(query: string): string {
  if (inOrder.test(query)) return query;
  const parameters = query.split('&');
  const found = directives.flatMap((name) => parameters.find((each) => each.startsWith(`${name}=`)) ?? []);
  return found.map((parameter) => parameter.replace(/=0+(?=\d+$)/, '=')).join('&');
}

/** RFC 3986 §6.2.2: needless escapes undone, the hexadecimal digits of the others in upper case. */
function normalized(path: string, query: string): Target {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return refused('The path contains a broken percent-encoding.');
  if (/%(?:2f|5c|2e)/i.test(path)) return refused('The path contains an encoded slash, backslash or dot.');
  if (/%(?:[01][0-9a-f]|7f)/i.test(path)) return refused('The path contains an encoded control character.');
  const plain = path.replace(/%[0-9A-Fa-f]{2}/g, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return unreserved.test(character) ? character : escaped.toUpperCase();
  });
  if (plain.split('/').some((step) => step === '.' || step === '..')) return refused('The path contains dot segments.');
  return { kind: 'path', path: plain, query };
}

const refused = (reason: string): Target => ({ kind: 'refused', reason });
