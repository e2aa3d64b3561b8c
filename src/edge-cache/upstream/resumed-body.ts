import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { Block } from '../large-bodies.js';
import { isOriginFailure } from '../semantics/freshness.js';
import { firstField, type HeaderPair, type HeaderPairs, joinedField } from '../semantics/header-fields.js';
import { readHttpDate } from '../semantics/http-date.js';
import type { RetryBudget } from './retry-budget.js';
import type { Upstream, UpstreamAnswer, UpstreamRequest } from './upstream.js';
import type { ResumptionEnd, UpstreamMetrics } from './upstream-metrics.js';

/** How the rest of an answer is asked for. */
export interface Resuming {
  readonly upstream: Pick<Upstream, 'fetch'>;
  readonly target: string;
  /** As of the request that was answered; its conditions and ranges, if it had any, are not repeated. */
  readonly headers: HeaderPairs;
  /** What the answer is of; null: of the whole body. */
  readonly block: Block | null;
  readonly retries: RetryBudget;
  readonly metrics: Pick<UpstreamMetrics, 'resumption'>;
}

/** How long to wait before each attempt, for one answer, ms: the last one is for a server that is being restarted. */
const pausesMs = [0, 250, 1000];
/** A change within this time might not show in Last-Modified; nor may the clocks agree (RFC 9110 §8.8.2.2). */
const strongAfterMs = 60_000;
const strongTag = /^"[\x21\x23-\x7e\x80-\xff]*"$/;

/**
 * An upstream's body that goes on, where it breaks off, with an answer to `Range` and `If-Range` (RFC 9110 §13.1.5, §14.2), if what
 * it was can be told for sure: 200 with a strong validator and a known length. What does not fit exactly is not taken: then the
 * body breaks, as it would have without.
 *
 * Lives for one answer, until its iteration has ended or `destroy`. Read it once.
 */
export class ResumedBody implements AsyncIterable<Buffer> {
  readonly #first: UpstreamAnswer;
  readonly #resuming: Resuming;
  /** From the first attempt to resume it on. */
  #cancel: AbortController | null = null;
  #destroyed = false;
  #body: Readable;
  #server: string;
  /** Bytes handed out. */
  #at = 0;
  #attempts = 0;

  constructor(answer: UpstreamAnswer, resuming: Resuming) {
    this.#first = answer;
    this.#body = answer.body;
    this.#server = answer.server;
    this.#resuming = resuming;
  }

  /** What is here already; null: nothing. Only before it is iterated. */
  takeArrived(): Buffer | null {
    const chunk = this.#body.read() as Buffer | null;
    this.#at += chunk?.length ?? 0;
    return chunk;
  }

  /** Reads on to the end without keeping anything. */
  drain(): void {
    this.#body.resume();
  }

  /** Whoever iterates it gets an error. Without `error`, the upstream is not to blame. */
  destroy(error?: Error): void {
    this.#destroyed = true;
    this.#cancel?.abort();
    this.#body.destroy(error);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const broke = yield* this.#chunks();
      if (broke === null) return;
      if (this.#destroyed || !(await this.#goesOn())) throw broke;
    }
  }

  /** Of the answer at hand. Returns what broke it; null: all is here. */
  async *#chunks(): AsyncGenerator<Buffer, unknown, undefined> {
    const { contentLength } = this.#first;
    try {
      for await (const chunk of this.#body) {
        const bytes = chunk as Buffer;
        this.#at += bytes.length;
        if (contentLength !== null && this.#at > contentLength) return new Error('more came than was announced');
        yield bytes;
      }
    } catch (error) {
      return this.#at === contentLength ? null : error;
    }
    return contentLength === null || this.#at === contentLength ? null : new Error('less came than was announced');
  }

  /** True: the rest comes. */
  async #goesOn(): Promise<boolean> {
    const { metrics } = this.#resuming;
    const wanted = wantedRest(this.#first, this.#at, this.#resuming.block);
    if (wanted === null) return false;
    this.#cancel ??= new AbortController();
    const { signal } = this.#cancel;
    let end: ResumptionEnd | 'again' | 'cancelled' = 'again';
    while (end === 'again') end = await this.#attempt(wanted, signal);
    if (end !== 'cancelled') metrics.resumption(end);
    return end === 'resumed';
  }

  async #attempt(wanted: WantedRest, signal: AbortSignal): Promise<ResumptionEnd | 'again' | 'cancelled'> {
    const { upstream, retries } = this.#resuming;
    const afterMs = pausesMs[this.#attempts];
    this.#attempts += 1;
    if (afterMs === undefined || !retries.take()) return 'failed';
    if (afterMs > 0) await pause(afterMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return 'cancelled';
    const outcome = await upstream.fetch({ ...this.#request(wanted), signal });
    if (outcome.kind === 'gone') return 'cancelled';
    if (outcome.kind === 'failed') return 'again';
    return this.#taken(outcome.answer, wanted);
  }

  #request({ validator, at, last, block }: WantedRest): UpstreamRequest {
    const { target } = this.#resuming;
    const headers = this.#resuming.headers.filter(([name]) => name !== 'range' && name !== 'if-range');
    const range: HeaderPair[] = [
      ['range', `bytes=${at}-${block ? last : ''}`],
      ['if-range', validator.value],
    ];
    // The one that broke off has it at hand; where it breaks off again, another may do better.
    const avoid = this.#attempts > 1 ? this.#server : undefined;
    const where = validator.field === 'etag' ? { avoid } : { only: this.#server };
    return { method: 'GET', target, headers: [...headers, ...range], ...where };
  }

  #taken(answer: UpstreamAnswer, wanted: WantedRest): ResumptionEnd | 'again' | 'cancelled' {
    if (!this.#destroyed && isRest(answer, wanted, this.#first)) {
      this.#body = answer.body;
      this.#server = answer.server;
      return 'resumed';
    }
    answer.body.destroy();
    if (this.#destroyed) return 'cancelled';
    return isOriginFailure(answer.status) ? 'again' : 'changed';
  }
}

interface Validator {
  readonly field: 'etag' | 'last-modified';
  readonly value: string;
}

interface WantedRest {
  readonly validator: Validator;
  /** The first and the last byte wanted, counted from the beginning of the whole body, and how many that has. */
  readonly at: number;
  readonly last: number;
  readonly length: number;
  readonly block: Block | null;
}

/** Null where the rest could not be told from that of another body. */
function wantedRest(answer: UpstreamAnswer, taken: number, block: Block | null): WantedRest | null {
  const { status, headers, contentLength } = answer;
  if (status !== 200 || contentLength === null || taken >= contentLength) return null;
  if (joinedField(headers, 'accept-ranges').trim().toLowerCase() === 'none') return null;
  const validator = strongValidator(answer);
  const { first, last, body } = block ?? { first: 0, last: contentLength - 1, body: { length: contentLength } };
  return validator && { validator, at: first + taken, last, length: body.length, block };
}

/** An ETag counts at every server of the same content; Last-Modified (RFC 9110 §8.8.2.2) only at the one that said it. */
function strongValidator({ headers, receivedAt }: UpstreamAnswer): Validator | null {
  const etag = firstField(headers, 'etag');
  if (etag !== null) return strongTag.test(etag) ? { field: 'etag', value: etag } : null;
  const value = firstField(headers, 'last-modified');
  const modified = value === null ? null : readHttpDate(value, receivedAt);
  const date = readHttpDate(firstField(headers, 'date') ?? '', receivedAt);
  if (value === null || modified === null || date === null) return null;
  return date - modified >= strongAfterMs ? { field: 'last-modified', value } : null;
}

/** Exactly what is missing, of the same representation. */
function isRest(answer: UpstreamAnswer, { validator, at, last, length }: WantedRest, first: UpstreamAnswer): boolean {
  const { status, headers, contentLength } = answer;
  if (status !== 206 || firstField(headers, 'content-range') !== `bytes ${at}-${last}/${length}`) return false;
  if (contentLength !== null && contentLength !== last - at + 1) return false;
  if (firstField(headers, validator.field) !== validator.value) return false;
  const coding = joinedField(headers, 'content-encoding');
  return coding === '' || coding === joinedField(first.headers, 'content-encoding');
}
