/** What the access log says of one request. Pure. */
import type { HttpRequest } from '../../http/server.js';
import { firstField, type HeaderPairs, joinedField } from '../semantics/header-fields.js';
import { anonymized, type IpAddress, writeIpAddress } from './ip-address.js';

export interface Answered {
  /** Without a token. */
  readonly request: HttpRequest;
  readonly client: IpAddress | null;
  /** When the request came, epoch ms. */
  readonly at: number;
  readonly durationMs: number;
  /** 0: there was no answer. */
  readonly status: number;
  readonly headers: HeaderPairs;
  readonly bytes: number;
  /** The client did not get all of it. */
  readonly cut: boolean;
}

/** Of any text that a client makes up. */
const textMax = 1024;

/** One line of JSON. What is not there is left out. `sample`: the part of the requests that is written, where it is not all. */
export function accessLine(answered: Answered, anonymize: boolean, sample: number): string {
  const { request, client, status } = answered;
  const { cache, upstream } = cacheOutcome(joinedField(answered.headers, 'cache-status'));
  const line = {
    time: new Date(answered.at).toISOString(),
    client: client === null ? undefined : anonymize ? anonymized(client) : writeIpAddress(client),
    method: request.method,
    scheme: request.scheme,
    protocol: request.protocol,
    host: shortened(request.header('host')),
    path: shortened(request.path),
    status: status === 0 ? undefined : status,
    bytes: answered.bytes,
    ms: Math.round(answered.durationMs * 10) / 10,
    cut: answered.cut || undefined,
    cache,
    upstream,
    range: shortened(request.header('range')),
    agent: shortened(request.header('user-agent')),
    // Queries are other servers' secrets.
    referer: shortened(firstField(request.headers, 'referer')?.replace(/[?#].*$/, '')),
    sample: sample === 1 ? undefined : sample,
  };
  return `${JSON.stringify(line)}\n`;
}

const shortened = (text: string | undefined): string | undefined => text?.slice(0, textMax);

interface CacheOutcome {
  readonly cache?: 'hit' | 'stale' | 'collapsed' | 'revalidated' | 'miss' | 'pass' | 'refused';
  /** What the upstream answered. */
  readonly upstream?: number;
}

let lastRead: { readonly cacheStatus: string; readonly outcome: CacheOutcome } | null = null;

/** From this cache's own member of Cache-Status, the last one (RFC 9211 §2). Remembers the last: what is asked for often says the same for a second. */
export function cacheOutcome(cacheStatus: string): CacheOutcome {
  if (lastRead?.cacheStatus !== cacheStatus) lastRead = { cacheStatus, outcome: readOutcome(cacheStatus) };
  return lastRead.outcome;
}

function readOutcome(cacheStatus: string): CacheOutcome {
  const [, own] = /(?:^|, )Headwater((?:; [^,]*)?)$/.exec(cacheStatus) ?? [];
  if (own === undefined) return {};
  const said = new Map<string, string>();
  for (const parameter of own.split('; ')) {
    const [name = '', value = ''] = parameter.split('=', 2);
    said.set(name, value);
  }
  const status = said.get('fwd-status');
  const upstream = status === undefined ? {} : { upstream: Number(status) };
  return { cache: outcomeOf(said), ...upstream };
}

function outcomeOf(said: ReadonlyMap<string, string>): NonNullable<CacheOutcome['cache']> {
  const fwd = said.get('fwd');
  if (said.get('detail')?.startsWith('stale-')) return 'stale';
  if (said.has('hit')) return 'hit';
  if (said.has('collapsed')) return 'collapsed';
  if (fwd === undefined) return 'refused';
  if (fwd === 'bypass' || fwd === 'method') return 'pass';
  return said.get('fwd-status') === '304' ? 'revalidated' : 'miss';
}
