import type { HttpRequest, HttpResponse } from '../http/server.js';
import { answerFailure } from './answer-problem.js';
import type { Exchange, Tools } from './exchange.js';
import { passInterim } from './interim.js';
import { type CacheStatus, writeCacheStatus } from './semantics/cache-status.js';
import { contentLengthOf, type HeaderPair } from './semantics/header-fields.js';
import { passedHeaders } from './semantics/request-headers.js';
import { streamAnswer } from './stream-answer.js';
import type { Upstream, UpstreamAnswer } from './upstream/upstream.js';

export interface PassThrough {
  readonly upstream: Pick<Upstream, 'fetch'>;
  /** Path and query for the upstream. */
  readonly target: string;
  readonly status: CacheStatus;
  /** Told of the answer before the client gets any of it. Null: it goes to the client as it comes; else it was taken over. */
  readonly onAnswer?: (answer: UpstreamAnswer) => Promise<void> | null;
}

/**
 * Streams one request of any method to an upstream and its answer back, each as fast as the other side takes it.
 *
 * Held per request: the door's bounded body buffer, one chunk each way, and the sockets' own buffers: under 1 MiB, however
 * long the bodies. An answer that comes before the body is read reaches the client; the rest of the body is left unread.
 */
export async function passThrough(exchange: Exchange, pass: PassThrough, tools: Tools): Promise<void> {
  const { request, response } = exchange;
  if (isForThisHop(request)) return answerHere(response);
  const outcome = await pass.upstream.fetch({
    method: request.method,
    target: pass.target,
    headers: [...passedHeaders(request), ...bodyLength(exchange)],
    body: request.hasBody ? request.body() : undefined,
    onInterim: passInterim(exchange),
    signal: request.signal,
  });
  if (outcome.kind === 'gone') return;
  if (outcome.kind === 'failed') {
    tools.metrics.request('failed');
    answerFailure(response, outcome.failure, pass.status);
    return;
  }
  const taken = pass.onAnswer?.(outcome.answer) ?? null;
  if (taken !== null) return taken;
  tools.metrics.request('pass');
  await streamAnswer(exchange, outcome.answer, pass.status, tools);
}

/** RFC 9110 §7.6.2: it goes no further. */
const isForThisHop = (request: HttpRequest): boolean =>
  request.method === 'OPTIONS' && /^0+$/.test(request.header('max-forwards') ?? '');

function answerHere(response: HttpResponse): void {
  const cacheStatus = writeCacheStatus({ detail: 'max-forwards' });
  response.start(204, [
    ['allow', 'GET, HEAD, OPTIONS'],
    ['cache-status', cacheStatus],
  ]);
  response.end();
}

/** A known length stays known; without one the body goes on in chunks. */
function bodyLength({ request }: Exchange): HeaderPair[] {
  const length = contentLengthOf(request.headers);
  return length === null ? [] : [['content-length', String(length)]];
}
