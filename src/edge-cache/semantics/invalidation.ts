/** Which kept answers an answer makes out of date (RFC 9111 §4.4). Pure. */
import { firstField, type HeaderPairs } from './header-fields.js';

interface Address {
  readonly path: string;
  readonly query: string;
}

/** A request that may have changed something, and its answer. */
export interface Change {
  readonly method: string;
  /** The request's Host; undefined without one. */
  readonly host: string | undefined;
  readonly target: Address;
  /** Of the answer. */
  readonly status: number;
  readonly headers: HeaderPairs;
}

const safe = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** The target, and what Location and Content-Location name at the same host; nothing where the method is safe, or it failed. */
export function changedBy({ method, host, target, status, headers }: Change): Address[] {
  if (safe.has(method) || status >= 400) return [];
  const named = ['location', 'content-location'].flatMap((name) => {
    const address = host === undefined ? null : addressAt(host, target.path, firstField(headers, name));
    return address === null ? [] : [address];
  });
  return [target, ...named];
}

/** What a reference names, where that is at `host`; else null. */
export function addressAt(host: string, path: string, reference: string | null): Address | null {
  if (reference === null) return null;
  const base = `http://${host}${path}`;
  if (!URL.canParse(reference, base)) return null;
  const { host: named, pathname, search } = new URL(reference, base);
  return named === new URL(base).host ? { path: pathname, query: search.slice(1) } : null;
}
