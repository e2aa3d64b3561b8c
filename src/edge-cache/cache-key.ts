/**
 * Reads a request's target: refuses what is no plain path, normalizes the rest, and names the cache entry. Pure.
 *
 * The key is what goes upstream, so two requests share an entry exactly when the upstream could not tell them apart.
 * Under `/live`, `/vod` and `/media` only `_HLS_*` parameters mean something (HLS delivery directives): all others
 * (players' session ids, tokens, cache busters) are dropped from the key *and* from the upstream request. Elsewhere the
 * query is kept as sent, since pages of any origin may depend on it.
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
  if (query === '' || !['/live', '/vod', '/media'].some((root) => isUnder(path, root))) return query;
  return query
    .split('&')
    .filter((parameter) => parameter.startsWith('_HLS_'))
    .sort()
    .join('&');
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
