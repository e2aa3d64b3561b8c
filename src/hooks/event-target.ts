/**
 * One receiver of events: what waits for it, and the tries to deliver it, in order and one at a time.
 *
 * Lifetime: from `openEventTarget`, which goes on with what a former life left, to `close`. An event is waiting, then being
 * tried (again and again, with growing pauses), then taken or given up. A receiver that is down holds back nobody else.
 */
import type { Dispatcher } from 'undici';
import type { Log } from '../telemetry/log.js';
import { type EventJournal, openEventJournal, type WaitingEvent } from './event-journal.js';
import { callHook, type HookAnswer } from './hook-call.js';
import type { HookMetrics } from './hook-metrics.js';

export interface EventTargetOptions {
  readonly url: string;
  readonly secret: string | null;
  /** Where what waits is kept over a restart. */
  readonly file: string;
  readonly limits: EventLimits;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly metrics: HookMetrics;
  readonly now: () => number;
}

export interface EventLimits {
  /** Pauses between tries, ms: one more try than there are pauses, then the event is given up. */
  readonly pausesMs: readonly number[];
  /** For one try, ms. */
  readonly tryMs: number;
  /** Events that may wait for one receiver, and their bytes; beyond, the oldest are given up. */
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
}

export async function openEventTarget(options: EventTargetOptions): Promise<EventTarget> {
  const { file, limits, log } = options;
  const { journal, left } = await openEventJournal({ file, bytesMax: 2 * limits.waitingBytesMax, log });
  return new EventTarget(options, journal, left);
}

export class EventTarget {
  /** The receiver without what may be secret in its address. */
  readonly name: string;
  readonly #options: EventTargetOptions;
  readonly #journal: EventJournal;
  readonly #queue: WaitingEvent[] = [];
  readonly #closing = new AbortController();
  #bytes = 0;
  #draining = false;
  #running: Promise<void> | null = null;
  #wake: (() => void) | null = null;

  constructor(options: EventTargetOptions, journal: EventJournal, left: readonly WaitingEvent[]) {
    this.#options = options;
    this.#journal = journal;
    this.name = nameOf(options.url);
    for (const event of left) this.#push(event);
    this.#run();
  }

  /** Takes an event; never waits and never fails. */
  send(event: WaitingEvent): void {
    if (this.#closing.signal.aborted) return;
    this.#journal.add(event);
    this.#push(event);
    this.#run();
  }

  /** Waits up to `graceMs` for first tries under way; what is not taken by then stays written down for the next start. */
  async close(graceMs: number): Promise<void> {
    const late = setTimeout(() => this.#stop(), graceMs);
    this.#draining = true;
    this.#wake?.();
    await this.#running;
    clearTimeout(late);
    this.#stop();
    await this.#journal.close();
  }

  #stop(): void {
    this.#closing.abort();
    this.#wake?.();
  }

  #push(event: WaitingEvent): void {
    this.#queue.push(event);
    this.#bytes += event.body.length;
    this.#options.metrics.waiting.inc({ target: this.name });
    const { waitingMax, waitingBytesMax } = this.#options.limits;
    while (this.#queue.length > 1 && (this.#queue.length > waitingMax || this.#bytes > waitingBytesMax)) {
      // The first one may be on its way to the receiver: the oldest behind it goes.
      const [, oldest] = this.#queue;
      if (oldest) this.#giveUp(oldest, 'too many events wait');
    }
  }

  #run(): void {
    this.#running ??= this.#deliverAll().finally(() => {
      this.#running = null;
    });
  }

  async #deliverAll(): Promise<void> {
    for (;;) {
      const event = this.#queue[0];
      if (event === undefined || this.#closing.signal.aborted) return;
      if (!(await this.#deliver(event))) return;
    }
  }

  /** False: the target is closing, and the event stays. */
  async #deliver(event: WaitingEvent): Promise<boolean> {
    const { limits, metrics, log } = this.#options;
    for (let attempt = 0; ; attempt++) {
      const outcome = judge(await this.#try(event));
      if (outcome.kind === 'taken') {
        metrics.delivered.inc({ target: this.name });
        this.#forget(event);
        return true;
      }
      if (this.#closing.signal.aborted) return false;
      metrics.failed.inc({ target: this.name });
      const { reason } = outcome;
      const pause = limits.pausesMs[attempt];
      if (pause === undefined || outcome.kind === 'never') {
        this.#giveUp(event, reason);
        return true;
      }
      if (attempt === 0) log.warn({ target: this.name, reason }, 'an event was not taken; it is tried again');
      if (this.#draining || !(await this.#pause(pause))) return false;
    }
  }

  #try({ body }: WaitingEvent): Promise<HookAnswer> {
    const { url, secret, limits, dispatcher, now } = this.#options;
    const { signal } = this.#closing;
    return callHook({ url, secret, body, timeoutMs: limits.tryMs, answerBytesMax: 1024, signal, dispatcher, now });
  }

  /** A tenth more or less, so that receivers are not hit by many boxes at once. False: the target is closing. */
  async #pause(ms: number): Promise<boolean> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms * (0.9 + Math.random() * 0.2));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
    return !this.#draining && !this.#closing.signal.aborted;
  }

  #forget(event: WaitingEvent): void {
    const at = this.#queue.indexOf(event);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    this.#bytes -= event.body.length;
    this.#journal.done(event.id);
    this.#options.metrics.waiting.dec({ target: this.name });
  }

  #giveUp(event: WaitingEvent, reason: string): void {
    const { metrics, log } = this.#options;
    metrics.dropped.inc({ target: this.name });
    const hint = 'See whether the receiver runs, and what its own log says.';
    log.error({ target: this.name, event: event.id, reason, hint }, 'an event was given up');
    this.#forget(event);
  }
}

type Outcome = { readonly kind: 'taken' } | { readonly kind: 'not-now' | 'never'; readonly reason: string };

/** 2xx takes an event. 410 says that nobody will ever listen there (RFC 9110 §15.5.11); all else may pass. */
function judge(answer: HookAnswer): Outcome {
  if (answer.kind === 'failed') return { kind: 'not-now', reason: answer.message };
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  return { kind: status === 410 ? 'never' : 'not-now', reason: `it answered ${status}` };
}

/** Receivers often carry a token in the path or the query. */
function nameOf(url: string): string {
  return new URL(url).origin;
}
