import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { EdgeMetrics } from '../edge-metrics.js';
import { type EdgeFailure, type EdgeFailureCode, edgeFailure } from '../failure.js';
import { contentLengthOf, type HeaderPair, type HeaderPairs } from '../semantics/header-fields.js';
import { onceOnly } from '../semantics/once-only.js';
import { Unbegun, untilBegun } from './body-beginning.js';
import type { RetryBudget } from './retry-budget.js';
import { UploadWatch } from './upload-watch.js';
import { UpstreamSlots } from './upstream-slots.js';

export interface UpstreamLimits {
  /** Requests under way at once, bodies included. */
  readonly concurrent: number;
  /** Requests that may wait for one of those, and for how long; then 503. */
  readonly waitersMax: number;
  readonly waitMs: number;
  readonly connectMs: number;
  /** From the sent request to the head of its answer. Fine to about a second. */
  readonly headMs: number;
  /** Longest silence inside a body, either way. */
  readonly bodyMs: number;
}

export interface UpstreamOptions {
  readonly name: string;
  readonly base: URL;
  /** What `base` is called among several; default: its host and port. */
  readonly server?: string;
  /** Bounds what is sent again. */
  readonly retries: RetryBudget;
  /** What this edge calls itself in CDN-Loop. */
  readonly cdnId: string;
  readonly limits: UpstreamLimits;
  readonly log: Log;
  readonly metrics: EdgeMetrics;
  readonly now: () => number;
}

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, as they go on the wire. */
  readonly target: string;
  /** Without Host and hop-by-hop fields. */
  readonly headers: HeaderPairs;
  /** Read once, as fast as the upstream takes it. */
  readonly body?: AsyncIterable<Buffer> | undefined;
  /** Told of each interim answer, 102 to 199 (RFC 9110 §15.2), as it comes. */
  readonly onInterim?: ((status: number, headers: HeaderPairs) => void) | undefined;
  /** Cancels the request; a body under way then breaks. */
  readonly signal?: AbortSignal | undefined;
  /** In place of the limits' where that is longer. */
  readonly headMs?: number | undefined;
  /** Another could still be asked: so a body of known length has to begin within `headMs`, too. */
  readonly hasOther?: boolean | undefined;
  /** Where several serve the same: the one to ask, by the `server` of its answer; and one not to ask if there is another. */
  readonly only?: string | undefined;
  readonly avoid?: string | undefined;
}

/** Its `body` must be read to the end or destroyed: until then it holds one of the upstream's slots. */
export interface UpstreamAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: HeaderPairs;
  readonly contentLength: number | null;
  readonly body: Readable;
  /** Who gave it. */
  readonly server: string;
  /** Epoch ms: when the request went out and when this head came in. */
  readonly askedAt: number;
  readonly receivedAt: number;
}

export type UpstreamOutcome =
  | { readonly kind: 'answer'; readonly answer: UpstreamAnswer }
  /** `headCame`: and then nothing more. */
  | { readonly kind: 'failed'; readonly failure: EdgeFailure; readonly headCame: boolean }
  /** Whoever asked has left. */
  | { readonly kind: 'gone' };

const connectionLost = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const timedOut = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);
const unreachable = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not pass
const unsafeValue = /[\x00-\x08\x0a-\x1f\x7f]/;

/**
 * One server behind this edge: a bounded pool of connections with deadlines.
 *
 * Lives from the edge's opening to its `close`, which cuts what is under way.
 */
export class Upstream {
  readonly name: string;
  readonly #server: string;
  readonly #options: UpstreamOptions;
  readonly #pool: Pool;
  readonly #slots: UpstreamSlots;
  readonly #basePath: string;
  #answering = true;

  constructor(options: UpstreamOptions) {
    const { base, limits } = options;
    this.name = options.name;
    this.#server = options.server ?? base.host;
    this.#options = options;
    this.#basePath = base.pathname.replace(/\/+$/, '');
    this.#slots = new UpstreamSlots(limits);
    this.#pool = new Pool(base.origin, {
      connections: limits.concurrent,
      pipelining: 1,
      headersTimeout: limits.headMs,
      bodyTimeout: limits.bodyMs,
      connect: { timeout: limits.connectMs },
    });
  }

  /** Resolves with the head of the answer, once its body has begun; the rest of that follows. Never rejects. */
  async fetch(ask: UpstreamRequest): Promise<UpstreamOutcome> {
    this.#options.retries.asked();
    const slot = await this.#slots.take(ask.signal);
    if (slot === 'gone') return { kind: 'gone' };
    if (slot !== 'granted')
      return this.#failed('edge-cache.upstream-busy', `all connections to ${this.name} are in use`);
    const outcome = await this.#attempts(ask);
    if (outcome.kind === 'answer') void this.#releaseAfter(outcome.answer.body);
    else this.#slots.release();
    return outcome;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  /** A connection may close just as a request goes out, or before it has brought more than a head: what is safe to repeat gets a second try. */
  async #attempts(ask: UpstreamRequest): Promise<UpstreamOutcome> {
    const repeatable = ask.body === undefined && (ask.method === 'GET' || ask.method === 'HEAD');
    const first = await this.#attempt(ask);
    if (!repeatable || !(first instanceof Error) || !connectionLost.has(codeOf(first)))
      return this.#settled(ask, first);
    if (ask.signal?.aborted || !this.#options.retries.take()) return this.#settled(ask, first);
    return this.#settled(ask, await this.#attempt(ask));
  }

  async #attempt(ask: UpstreamRequest): Promise<UpstreamAnswer | Error> {
    const { limits, now, metrics, cdnId } = this.#options;
    // One of its own only where more than whoever asked can end it: it costs some microseconds.
    const cancel = ask.body && new AbortController();
    if (cancel) ask.signal?.addEventListener('abort', () => cancel.abort(), { once: true });
    const watch = cancel && new UploadWatch(limits, () => cancel.abort(new UploadStalled()));
    const headMs = Math.min(limits.headMs, ask.headMs ?? limits.headMs);
    const askedAt = now();
    const startedAt = performance.now();
    metrics.upstreamAsked(this.name, this.#server);
    try {
      const response = await this.#pool.request({
        method: ask.method as Dispatcher.HttpMethod,
        path: this.#basePath + ask.target,
        headers: [...ask.headers.flat(), 'cdn-loop', cdnId],
        // undici takes any async iterable; its types name only Readable.
        body: (watch && ask.body ? watch.watched(ask.body) : null) as Readable | null,
        signal: cancel?.signal ?? ask.signal,
        responseHeaders: 'raw',
        onInfo: ({ statusCode, headers }) => {
          if (statusCode > 101) ask.onInterim?.(statusCode, readRawHeaders(headers));
        },
        // undici's own deadline for heads would hit a large upload that is going well.
        headersTimeout: watch ? 0 : headMs,
      });
      watch?.settled();
      const answer = readAnswer(ask.method, response, { server: this.#server, askedAt, receivedAt: now() });
      if (answer instanceof Error || ask.method === 'HEAD') return answer;
      const leftMs = ask.hasOther ? Math.max(1, startedAt + headMs - performance.now()) : null;
      return (await untilBegun(answer, leftMs)) ?? answer;
    } catch (error) {
      watch?.settled();
      if (watch?.sourceBroke) return new ClientBrokeOff();
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }

  #settled(ask: UpstreamRequest, result: UpstreamAnswer | Error): UpstreamOutcome {
    if (ask.signal?.aborted || result instanceof ClientBrokeOff) {
      if (!(result instanceof Error)) result.body.destroy();
      return { kind: 'gone' };
    }
    if (result instanceof Error) return this.#failed(failureCode(result), messageOf(result), result);
    if (!this.#answering)
      this.#options.log.info({ upstream: this.name, server: this.#server }, 'upstream answers again');
    this.#answering = true;
    return { kind: 'answer', answer: result };
  }

  /** Logged once per outage: the metrics count the rest. */
  #failed(code: EdgeFailureCode, message: string, cause?: unknown): UpstreamOutcome {
    const failure = edgeFailure(code, `${this.name}: ${message}`, cause);
    this.#options.metrics.upstreamFailed(this.name, this.#server, code);
    if (this.#answering) {
      this.#options.log.warn(
        { upstream: this.name, server: this.#server, code, hint: failure.hint, reason: message },
        'upstream failed',
      );
    }
    this.#answering = false;
    return { kind: 'failed', failure, headCame: cause instanceof Unbegun };
  }

  async #releaseAfter(body: Readable): Promise<void> {
    if (!body.closed) await once(body, 'close').catch(() => undefined);
    this.#slots.release();
  }
}

class ClientBrokeOff extends Error {}

class UploadStalled extends Error {
  readonly code = 'ETIMEDOUT';
  constructor() {
    super('the upstream stopped taking the request body');
  }
}

function readAnswer(
  method: string,
  response: Dispatcher.ResponseData,
  came: Pick<UpstreamAnswer, 'server' | 'askedAt' | 'receivedAt'>,
): UpstreamAnswer | Error {
  const { statusCode: status, body } = response;
  // Whoever reads the body learns of its errors; one nobody reads must not end the process.
  body.on('error', () => undefined);
  if (status < 200 || status > 599) {
    body.destroy();
    return new Error(`answered with the impossible status ${status}`);
  }
  const headers = readRawHeaders(response.headers);
  if (method === 'HEAD' || status === 204 || status === 304) body.resume();
  return { status, headers, contentLength: contentLengthOf(headers), body, ...came };
}

/** With `responseHeaders: 'raw'` undici gives names and values in turn, which its types do not say; each character is one byte (RFC 9110 §5.5). */
function readRawHeaders(raw: unknown): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  if (!Array.isArray(raw)) return pairs;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name, value] = [String(raw[at]).toLowerCase(), String(raw[at + 1]).trim()];
    if (fieldName.test(name) && !unsafeValue.test(value)) pairs.push(onceOnly(name, value));
  }
  return pairs;
}

function failureCode(error: Error): EdgeFailureCode {
  const code = codeOf(error);
  if (timedOut.has(code)) return 'edge-cache.upstream-timeout';
  if (unreachable.has(code)) return 'edge-cache.upstream-unreachable';
  return 'edge-cache.upstream-broke';
}

function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Several addresses of one name were tried, and all failed.
  return error instanceof AggregateError && error.errors[0] instanceof Error ? codeOf(error.errors[0]) : '';
}
