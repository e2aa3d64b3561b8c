import type { Writable } from 'node:stream';
import type { DecoderConfig, Frame } from '../media/frame.js';
import type { SourceFacts } from '../media/source-facts.js';
import { Failure, messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { IngestFailureCode } from './ingest-failure.js';
import { LiveWriter } from './matroska/live-writer.js';

export interface FeedLimits {
  /** A receiver that takes nothing for this long is given up, and gets a new feed at the next keyframe. */
  readonly stallMs: number;
  /** Bytes waiting for the receiver; above it the feed is given up (a publisher that can't be paused). */
  readonly bufferBytesMax: number;
}

/**
 * One open feed: frames become Matroska on the receiver's writable.
 *
 * Lifetime: open from construction (the header is written at once), then dead when the receiver destroys the writable,
 * when it stalls past its bound, or after `end`. A dead feed swallows what is written to it.
 */
export class Feed {
  readonly startMs: number;
  readonly #writable: Writable;
  readonly #writer: LiveWriter;
  readonly #limits: FeedLimits;
  readonly #log: Log;
  #dead = false;
  #blocked: PromiseWithResolver | null = null;
  #stallTimer: NodeJS.Timeout | null = null;
  #gathers = false;

  constructor(options: FeedOptions) {
    this.#writable = options.writable;
    this.#limits = options.limits;
    this.#log = options.log;
    this.startMs = options.startMs;
    this.#writer = new LiveWriter(options.configs, options.facts);
    this.#writable.on('drain', () => this.#unblock());
    this.#writable.on('error', (error) => this.#die(messageOf(error)));
    this.#writable.on('close', () => this.#die('the receiver closed the feed'));
    this.#put([this.#writer.header()]);
  }

  get dead(): boolean {
    return this.#dead || this.#writable.destroyed;
  }

  /** Whether the receiver asks for a pause; `drained` says when it is over. */
  get blocked(): boolean {
    return this.#blocked !== null && !this.dead;
  }

  /** Resolves when the receiver takes bytes again, or when the feed is dead. */
  drained(): Promise<void> {
    return this.blocked && this.#blocked !== null ? this.#blocked.promise : Promise.resolve();
  }

  write(frame: Frame, prefix: Buffer | null): void {
    if (this.dead) return;
    this.#put(this.#writer.block(frame, prefix));
    if (this.#writable.writableLength > this.#limits.bufferBytesMax) this.#giveUp('holds more than its bound');
  }

  end(): void {
    if (!this.dead) this.#writable.end();
    this.#dead = true;
    this.#unblock();
  }

  #put(pieces: readonly Buffer[]): void {
    this.#gather();
    for (const piece of pieces) this.#writable.write(piece);
    if (this.#writable.writableNeedDrain) this.#block();
  }

  /** Frames that come at one go are handed on at one go: waking the receiver costs more than they do. */
  #gather(): void {
    if (this.#gathers) return;
    this.#gathers = true;
    this.#writable.cork();
    setImmediate(() => {
      this.#gathers = false;
      this.#writable.uncork();
    });
  }

  #block(): void {
    if (this.#blocked !== null || this.dead) return;
    this.#blocked = promiseWithResolver();
    this.#stallTimer = setTimeout(() => this.#giveUp('took nothing for too long'), this.#limits.stallMs);
    this.#stallTimer.unref();
  }

  #unblock(): void {
    if (this.#stallTimer !== null) clearTimeout(this.#stallTimer);
    this.#stallTimer = null;
    const blocked = this.#blocked;
    this.#blocked = null;
    blocked?.resolve();
  }

  #giveUp(what: string): void {
    const failure = new Failure<IngestFailureCode>('ingest.feed-stalled', `the feed's receiver ${what}`, {
      hint: 'The box may be too slow for this source: look at its load and at the live ladder.',
    });
    this.#writable.destroy(failure);
    this.#die(failure.message);
  }

  #die(reason: string): void {
    if (!this.#dead) this.#log.warn({ reason }, 'feed lost; another one is opened');
    this.#dead = true;
    this.#unblock();
  }
}

export interface FeedOptions {
  readonly writable: Writable;
  readonly configs: readonly DecoderConfig[];
  readonly facts: SourceFacts;
  readonly startMs: number;
  readonly limits: FeedLimits;
  readonly log: Log;
}

interface PromiseWithResolver {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function promiseWithResolver(): PromiseWithResolver {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
