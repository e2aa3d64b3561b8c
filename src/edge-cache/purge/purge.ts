/** What is to be forgotten before its time, and what of the kept it means. Pure. */
import type { AddressRules } from '../address-rules.js';
import { cacheKey } from '../cache-key.js';
import { fieldLines, type HeaderPairs } from '../semantics/header-fields.js';

/** `soft`: what it means is stale from now on, and may still be served as such (RFC 5861); else it is gone. */
export type Purge =
  /** One address, as it is named in the cache: path and query. */
  | { readonly kind: 'url'; readonly value: string; readonly soft: boolean }
  /** All addresses that begin so. `/` is everything. */
  | { readonly kind: 'prefix'; readonly value: string; readonly soft: boolean }
  /** All answers whose Cache-Tag field has it as a member. */
  | { readonly kind: 'tag'; readonly value: string; readonly soft: boolean };

type PurgeKind = Purge['kind'];

const kinds: readonly PurgeKind[] = ['url', 'prefix', 'tag'];
const valueBytesMax = 8192;
/** Visible, and no comma, which parts the members of the field. */
const tagForm = /^[\x21-\x2b\x2d-\x7e]{1,1024}$/;

/** From a request's JSON: exactly one of `url`, `prefix`, `tag`, and `soft`. A string says what is wrong with it. */
export function readPurge(given: unknown, addresses: Pick<AddressRules, 'target' | 'query'>): Purge | string {
  const said = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
  const named = kinds.filter((kind) => said[kind] !== undefined);
  const [kind] = named;
  if (kind === undefined || named.length > 1) return 'Name exactly one of url, prefix and tag.';
  const { [kind]: value, soft = false } = said;
  if (typeof value !== 'string' || value === '' || value.length > valueBytesMax) {
    return `${kind} must be a string of 1 to ${valueBytesMax} characters.`;
  }
  if (typeof soft !== 'boolean') return 'soft must be true or false.';
  if (kind === 'tag') {
    return tagForm.test(value)
      ? { kind, value, soft }
      : 'A tag has visible ASCII characters without commas, at most 1024.';
  }
  return kind === 'url' ? readUrl(value, soft, addresses) : readPrefix(value, soft);
}

/** An address of any host, or a path: the cache knows no hosts. */
function readUrl(value: string, soft: boolean, addresses: Pick<AddressRules, 'target' | 'query'>): Purge | string {
  const address = withoutHost(value);
  if (address === null) return 'The url must be an absolute http address, or begin with a slash.';
  const [path = '', ...query] = address.split('?');
  const target = addresses.target(path, query.join('?'));
  if (target.kind === 'refused') return target.reason;
  return {
    kind: 'url',
    value: cacheKey({ path: target.path, query: addresses.query(target.path, target.query) }),
    soft,
  };
}

function readPrefix(value: string, soft: boolean): Purge | string {
  const prefix = withoutHost(value);
  if (prefix === null || !/^\/[\x21-\x7e]*$/.test(prefix))
    return 'The prefix must begin with a slash, or be an absolute http address.';
  return { kind: 'prefix', value: prefix, soft };
}

function withoutHost(value: string): string | null {
  const path = /^https?:\/\/[^/?#]+(.*)$/i.exec(value)?.[1] ?? value;
  if (path === '') return '/';
  return path.startsWith('/') ? path : null;
}

/** Whether it means what is kept for this address. `headers` of the answer. */
export function isMeant({ kind, value }: Purge, address: string, headers: HeaderPairs): boolean {
  if (kind === 'url') return address === value;
  if (kind === 'prefix') return address.startsWith(value);
  return fieldLines(headers, 'cache-tag').some((line) => line.split(',').some((tag) => tag.trim() === value));
}

/** No address contains a space; what an answer is kept under may have more behind one. */
export function addressOf(name: string): string {
  const end = name.indexOf(' ');
  return end < 0 ? name : name.slice(0, end);
}
