import { type RestreamAddress, shownRestreamUrl } from '../media/restream-address.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import { Connection } from './connection.js';
import { planContainer } from './container-plan.js';
import { failureWords } from './failure-words.js';
import type { RestreamMetrics } from './restream-metrics.js';
import { RetryPause } from './retry-pause.js';
import type { SenderEnd, StartSender } from './sender.js';
import { senderOrder } from './sender-order.js';

export type TargetState = 'connecting' | 'sending' | 'waiting' | 'unsupported';

export interface TargetStatus {
  readonly name: string;
  /** Without secrets. */
  readonly url: string;
  readonly state: TargetState;
  /** When it came into this state, epoch ms. */
  readonly since: number;
  /** Bits per second; null while nothing is sent. */
  readonly bitrate: number | null;
  /** Connections that failed or broke off in this broadcast. */
  readonly restarts: number;
  /** Frames left out because the target was too slow. */
  readonly droppedFrames: number;
  /** Why it does not send, or why it last did not; null: nothing was ever wrong. */
  readonly error: string | null;
}

/** A feed, as targets may get it. */
export interface OfferedFeed {
  readonly facts: SourceFacts;
  readonly header: Buffer;
  readonly headerForTs: Buffer;
}

type Phase =
  | { readonly kind: 'ready' }
  | { readonly kind: 'open'; readonly connection: Connection; readonly header: Buffer }
  | { readonly kind: 'leaving'; readonly connection: Connection }
  | { readonly kind: 'waiting'; readonly until: number }
  | { readonly kind: 'unsupported' };

/**
 * One target of a live channel.
 *
 * Lifetime: `unsupported`, or `ready` → (a frame at which one can begin) → `open`, a connection that first connects and then sends →
 * `waiting` after it failed, for ever in turn. A feed of other tracks makes it `leaving` and then `ready` again. `end`, by the
 * broadcast's end or because the target was removed, says goodbye; nothing happens afterwards. `tick` is its clock.
 */
export class RestreamTarget {
  readonly #options: RestreamTargetOptions;
  readonly #log: Log;
  readonly #pause: RetryPause;
  readonly #labels: { readonly channel: string; readonly target: string };
  #offer: OfferedFeed | null = null;
  #phase: Phase = { kind: 'ready' };
  #ending = false;
  #gone = Promise.resolve();
  #state: TargetState = 'connecting';
  #since: number;
  #restarts = 0;
  #droppedFrames = 0;
  #error: string | null = null;
  #counted = 0;

  constructor(options: RestreamTargetOptions) {
    this.#options = options;
    this.#labels = { channel: options.channel, target: options.name };
    this.#log = options.log.child(this.#labels);
    this.#pause = new RetryPause(options.random);
    this.#since = options.now();
    options.metrics.sending.set(this.#labels, 0);
  }

  get status(): TargetStatus {
    const phase = this.#phase;
    return {
      name: this.#options.name,
      url: shownRestreamUrl(this.#options.address),
      state: this.#state,
      since: this.#since,
      bitrate: phase.kind === 'open' && this.#state === 'sending' ? phase.connection.bitrate : null,
      restarts: this.#restarts,
      droppedFrames: this.#droppedFrames,
      error: this.#error,
    };
  }

  /** A new feed begins. One with the very same header goes on in the connection that is there. */
  feed(offer: OfferedFeed): void {
    const before = this.#phase;
    this.#offer = offer;
    if (before.kind === 'open') {
      if (before.header.equals(offer.header)) before.connection.skipToKey();
      else this.#leave(before.connection);
    } else if (before.kind !== 'leaving' && before.kind !== 'waiting') this.#begin();
  }

  /** A frame of the feed. `opens`: one can begin with it. */
  take(pieces: readonly Buffer[], opens: boolean): void {
    if (this.#ending) return;
    if (this.#phase.kind === 'ready' && opens) this.#connect();
    if (this.#phase.kind !== 'open' || this.#phase.connection.take(pieces, opens)) return;
    this.#droppedFrames += 1;
    this.#options.metrics.dropped.inc(this.#labels);
  }

  tick(): void {
    const now = this.#options.now();
    const phase = this.#phase;
    if (phase.kind === 'waiting' && now >= phase.until && !this.#ending) this.#begin();
    if (phase.kind !== 'open' && phase.kind !== 'leaving') return;
    phase.connection.tick(now);
    this.#count(phase.connection);
  }

  /** Resolves when nothing of it is left; `tick` must go on until then. */
  async end(): Promise<void> {
    if (!this.#ending) {
      this.#ending = true;
      if (this.#phase.kind === 'open') this.#leave(this.#phase.connection);
    }
    await this.#gone;
    this.#options.metrics.sending.remove(this.#labels);
  }

  /** Cuts what is left of it. */
  kill(): void {
    if (this.#phase.kind === 'open' || this.#phase.kind === 'leaving') this.#phase.connection.cut('the box stops');
  }

  /** Ready for the feed that is offered, or unable to carry it. */
  #begin(): void {
    const plan = this.#plan();
    if (plan === null || plan.kind === 'send') {
      this.#phase = { kind: 'ready' };
      this.#enter('connecting');
      return;
    }
    this.#phase = { kind: 'unsupported' };
    this.#enter('unsupported');
    this.#error = plan.reason;
    this.#log.warn({ reason: plan.reason }, 'the channel cannot be restreamed to this target');
  }

  #plan() {
    const { address, enhancedFlv } = this.#options;
    return this.#offer && planContainer(address.scheme, this.#offer.facts, enhancedFlv());
  }

  #connect(): void {
    const { address, start, now } = this.#options;
    const [plan, offer] = [this.#plan(), this.#offer];
    if (offer === null || plan?.kind !== 'send') return;
    const sender = start(senderOrder(address, plan, offer.facts), () => this.#sending(connection));
    const connection = new Connection(sender, now());
    this.#counted = 0;
    this.#phase = { kind: 'open', connection, header: offer.header };
    this.#gone = connection.done.then((end) => this.#ended(connection, end));
    connection.put([plan.format === 'mpegts' ? offer.headerForTs : offer.header]);
  }

  #sending(connection: Connection): void {
    if (this.#phase.kind !== 'open' || this.#phase.connection !== connection || this.#state === 'sending') return;
    connection.sending(this.#options.now());
    this.#enter('sending');
    this.#log.info({ url: this.status.url }, 'the channel is sent to this target');
  }

  #leave(connection: Connection): void {
    this.#phase = { kind: 'leaving', connection };
    this.#enter('connecting');
    connection.finish(this.#options.now());
  }

  #ended(connection: Connection, { stderr, summary }: SenderEnd): void {
    this.#count(connection);
    if (this.#phase.kind === 'leaving') {
      this.#phase = { kind: 'ready' };
      if (!this.#ending) this.#begin();
      return;
    }
    const { now, address, metrics } = this.#options;
    const at = now();
    const pauseMs = this.#pause.failed(connection.sendingSince === null ? 0 : at - connection.sendingSince);
    this.#phase = { kind: 'waiting', until: at + pauseMs };
    this.#error = connection.cutReason ?? failureWords(address, stderr, summary);
    this.#restarts += 1;
    metrics.failures.inc(this.#labels);
    this.#enter('waiting');
    this.#log.warn({ reason: this.#error, pauseMs }, 'the connection to this target is lost');
  }

  #enter(state: TargetState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#since = this.#options.now();
    this.#options.metrics.sending.set(this.#labels, state === 'sending' ? 1 : 0);
  }

  #count(connection: Connection): void {
    this.#options.metrics.bytes.inc(this.#labels, connection.takenBytes - this.#counted);
    this.#counted = connection.takenBytes;
  }
}

export interface RestreamTargetOptions {
  readonly channel: string;
  readonly name: string;
  readonly address: RestreamAddress;
  readonly start: StartSender;
  /** Whether ffmpeg writes enhanced RTMP. */
  readonly enhancedFlv: () => boolean;
  /** Epoch ms. */
  readonly now: () => number;
  /** 0 to below 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
  readonly log: Log;
  readonly metrics: RestreamMetrics;
}
