/** What the access log says of one request. Pure. */
import type { HttpRequest } from '../../http/server.js';
import { anonymized, type IpAddress, writeIpAddress } from './ip-address.js';

/** What the client asked for, without a token. */
export interface AskedFor {
  readonly method: string;
  readonly scheme: HttpRequest['scheme'];
  readonly protocol: HttpRequest['protocol'];
  readonly path: string;
  readonly host: string | undefined;
  readonly range: string | undefined;
  readonly agent: string | undefined;
  readonly referer: string | undefined;
}

export interface Answered {
  readonly asked: AskedFor;
  readonly client: IpAddress | null;
  /** When the request came, epoch ms. */
  readonly at: number;
  readonly durationMs: number;
  /** 0: there was no answer. */
  readonly status: number;
  readonly outcome: CacheOutcome;
  readonly bytes: number;
  /** The client did not get all of it. */
  readonly cut: boolean;
}

/** Of any text that a client makes up. */
const textMax = 1024;

/** One line of JSON. What is not there is left out. `sample`: the part of the requests that is written, where it is not all. */
export function accessLine(answered: Answered, anonymize: boolean, sample: number): string {
  const { asked, client, status, outcome } = answered;
  const line = {
    time: timeText(answered.at),
    client: client === null ? undefined : anonymize ? anonymized(client) : writeIpAddress(client),
    method: asked.method,
    scheme: asked.scheme,
    protocol: asked.protocol,
    host: shortened(asked.host),
    path: shortened(asked.path),
    status: status === 0 ? undefined : status,
    bytes: answered.bytes,
    ms: Math.round(answered.durationMs * 10) / 10,
    cut: answered.cut || undefined,
    cache: outcome.cache,
    upstream: outcome.upstream,
    range: shortened(asked.range),
    agent: shortened(asked.agent),
    // Queries are other servers' secrets.
    referer: shortened(asked.referer?.replace(/[?#].*$/, '')),
    sample: sample === 1 ? undefined : sample,
  };
  return `${JSON.stringify(line)}\n`;
}

let lastTime = { at: Number.NaN, text: '' };

/** Many requests come in one ms. */
function timeText(at: number): string {
  if (lastTime.at !== at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}

const shortened = (text: string | undefined): string | undefined => text?.slice(0, textMax);

export interface CacheOutcome {
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
