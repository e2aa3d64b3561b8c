/** A request's head as HTTP/2 carries it, in the words of HTTP/1.1: what handlers and upstreams know. Pure. */
import { METHODS } from 'node:http';
import type { HeadVerdict, RequestHead } from './request-head.js';

export interface Http2Head {
  readonly head: RequestHead;
  /** Why it must not reach a handler, beyond what `judgeHead` sees. */
  readonly refusal: Extract<HeadVerdict, { accepted: false }> | null;
}

const knownMethods: ReadonlySet<string> = new Set(METHODS);

/**
 * `rawHeaders`: names and values in turn, as they came. `:authority` becomes Host (RFC 9113 §8.3.1), and a Cookie that
 * came in crumbs is put together (§8.2.3).
 */
export function http2Head(rawHeaders: readonly string[]): Http2Head {
  const pseudo = new Map<string, string>();
  const headers: [string, string][] = [];
  const crumbs: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const value = (rawHeaders[i + 1] ?? '').trim();
    if (name.startsWith(':')) pseudo.set(name, value);
    else if (name === 'cookie') crumbs.push(value);
    else headers.push([name, value]);
  }
  if (crumbs.length > 0) headers.push(['cookie', crumbs.join('; ')]);
  const authority = pseudo.get(':authority');
  const hosts = headers.filter(([name]) => name === 'host');
  if (authority !== undefined && hosts.length === 0) headers.unshift(['host', authority]);
  const method = pseudo.get(':method') ?? '';
  const head = { method, ...targetOf(pseudo.get(':path') ?? ''), headers };
  return { head, refusal: refusalOf(method, authority, hosts) };
}

function targetOf(target: string): Pick<RequestHead, 'path' | 'query'> {
  const mark = target.indexOf('?');
  return mark < 0 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

function refusalOf(
  method: string,
  authority: string | undefined,
  hosts: readonly (readonly [string, string])[],
): Http2Head['refusal'] {
  if (!knownMethods.has(method)) {
    return { accepted: false, status: 501, title: 'Not Implemented', detail: 'This server does not know the method.' };
  }
  if (authority !== undefined && hosts.some(([, host]) => host.toLowerCase() !== authority.toLowerCase())) {
    const detail = 'The Host header and the :authority of the request differ.';
    return { accepted: false, status: 400, title: 'Bad Request', detail };
  }
  return null;
}
