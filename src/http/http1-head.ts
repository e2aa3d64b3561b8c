import type { IncomingMessage } from 'node:http';
import type { RequestHead } from './request-head.js';

/** Copies the head of Node's message: raw names and values, so that duplicates stay separate. */
export function http1Head(message: IncomingMessage): RequestHead {
  const headers: [string, string][] = [];
  const raw = message.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    headers.push([(raw[i] ?? '').toLowerCase(), (raw[i + 1] ?? '').trim()]);
  }
  const target = message.url ?? '';
  const mark = target.indexOf('?');
  return {
    method: message.method ?? '',
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers,
  };
}
