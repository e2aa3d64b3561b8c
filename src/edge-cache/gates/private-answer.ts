/** The head of an answer that one bearer of a token was given: caches that others share may not keep it. Pure but for its memory. */
import { parseCacheControl } from '../semantics/cache-control.js';
import { fieldLines, type HeaderPairs } from '../semantics/header-fields.js';

/** They speak to shared caches alone, or contradict `private`. */
const forSharedCaches = new Set(['public', 'private', 's-maxage', 'proxy-revalidate']);
const remade = new WeakMap<HeaderPairs, HeaderPairs>();

/**
 * Cache-Control with `private` (RFC 9111 §5.2.2.7), and without what is said to caches further down (RFC 9213). The very same list
 * for the very same one: thousands may get the same answer.
 */
export function privateHead(headers: HeaderPairs): HeaderPairs {
  const known = remade.get(headers);
  if (known !== undefined) return known;
  const kept = headers.filter(([name]) => name !== 'cache-control' && !isTargeted(name));
  const made = [...kept, ['cache-control', privateControl(fieldLines(headers, 'cache-control'))] as const];
  remade.set(headers, made);
  return made;
}

const isTargeted = (name: string): boolean => name.endsWith('cdn-cache-control') || name === 'surrogate-control';

function privateControl(lines: readonly string[]): string {
  const directives = [...parseCacheControl(lines)].filter(([name]) => !forSharedCaches.has(name));
  return [
    'private',
    ...directives.map(([name, argument]) => (argument === null ? name : written(name, argument))),
  ].join(', ');
}

const written = (name: string, argument: string): string =>
  /^[\w.-]+$/.test(argument) ? `${name}=${argument}` : `${name}="${argument.replace(/["\\]/g, '\\$&')}"`;
