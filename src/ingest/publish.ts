import type { SourceFacts } from '../media/source-facts.js';
import { Failure, messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Broadcast, type PublisherSession } from './broadcast.js';
import { newBroadcastId } from './broadcast-id.js';
import type { FeedLimits } from './feed.js';
import type { FeedSink } from './feed-sink.js';
import type { IngestFailureCode } from './ingest-failure.js';
import { IngestMetrics } from './ingest-metrics.js';
import type { LiveEvents } from './live-events.js';

/** Which channel a stream key may publish; null for an unknown key. May be slow, may fail. */
interface StreamKeys {
  channelForKey(streamKey: string): Promise<{ readonly channel: string } | null>;
}

export type Protocol = 'rtmp' | 'rtmps' | 'srt' | 'whip';

export interface PublishRequest {
  /** As the publisher gave it, without options such as `?backup=1`. */
  readonly streamKey: string;
  /** The channel that the publisher names besides its key; admitted only where the key is that channel's. Null: none named. */
  readonly channel: string | null;
  /** The second encoder of a channel, which is on air while the first one is not. */
  readonly backup: boolean;
  readonly protocol: Protocol;
  readonly remoteAddress: string;
  /** The session was ended from here (channel deleted, key rotated, box closing): tell the publisher why and let it go. */
  readonly onStop: (reason: string) => void;
}

export type Admission =
  | { readonly ok: true; readonly session: PublisherSession }
  | { readonly ok: false; readonly reason: 'bad-key' | 'busy' | 'closing' | 'unavailable'; readonly message: string };

export interface LiveChannel {
  readonly channel: string;
  readonly broadcastId: string;
  readonly protocol: string;
  readonly remoteAddress: string;
  /** When the publisher was admitted, epoch ms. */
  readonly startedAt: number;
  readonly facts: SourceFacts;
  readonly bytes: number;
}

export interface PublishingOptions {
  readonly authorize: StreamKeys;
  readonly events: LiveEvents;
  readonly sink: FeedSink;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: Partial<FeedLimits & { readonly authorizationMs: number }>;
  /** Epoch ms; the system's clock by default. */
  readonly clock?: () => number;
}

const DEFAULT_LIMITS = { stallMs: 10_000, bufferBytesMax: 16 * 1024 * 1024, authorizationMs: 10_000 };

/**
 * Who may publish and who does: one publisher a channel, whatever protocol brought it.
 *
 * Lifetime: as long as the box ingests. A slot is taken after the key has been checked and in the same turn of the event
 * loop as the check that it is free; it is given back when the session ends, from either side.
 */
export class Publishing {
  readonly #options: PublishingOptions;
  readonly #limits: typeof DEFAULT_LIMITS;
  readonly #clock: () => number;
  readonly #metrics: IngestMetrics;
  readonly #live = new Map<string, { broadcast: Broadcast; request: PublishRequest }>();
  #closing = false;

  constructor(options: PublishingOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#clock = options.clock ?? Date.now;
    this.#metrics = new IngestMetrics(options.metrics);
  }

  async admit(request: PublishRequest): Promise<Admission> {
    const admission = await this.#decide(request);
    if (!admission.ok) this.#metrics.refused.inc({ reason: admission.reason });
    return admission;
  }

  /** The channels that have a publisher now. */
  live(): LiveChannel[] {
    return Array.from(this.#live.values(), ({ broadcast, request }) => ({
      channel: broadcast.channel,
      broadcastId: broadcast.broadcastId,
      protocol: request.protocol,
      remoteAddress: request.remoteAddress,
      startedAt: broadcast.admittedAt,
      facts: broadcast.facts,
      bytes: broadcast.bytes,
    }));
  }

  /** Ends the channel's broadcast and lets its publisher go; false where there is none. */
  stopChannel(channel: string, reason: string): boolean {
    const slot = this.#live.get(channel);
    if (slot === undefined) return false;
    slot.broadcast.end();
    slot.request.onStop(reason);
    return true;
  }

  /** Admits nobody from now on and ends all broadcasts. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const channel of [...this.#live.keys()]) this.stopChannel(channel, 'the server is closing');
  }

  async #decide(request: PublishRequest): Promise<Admission> {
    const allowed = await this.#authorize(request);
    if (allowed === 'unavailable') {
      return { ok: false, reason: 'unavailable', message: 'the stream key cannot be checked now, try again' };
    }
    if (this.#closing) return { ok: false, reason: 'closing', message: 'the server is closing' };
    if (allowed === null) return { ok: false, reason: 'bad-key', message: 'the stream key is not valid' };
    if (this.#live.has(allowed.channel)) {
      return { ok: false, reason: 'busy', message: `channel ${allowed.channel} is already publishing` };
    }
    return { ok: true, session: this.#take(allowed.channel, request) };
  }

  async #authorize(request: PublishRequest): Promise<{ readonly channel: string } | null | 'unavailable'> {
    try {
      return await withDeadline(this.#options.authorize.channelForKey(request.streamKey), this.#limits.authorizationMs);
    } catch (error) {
      const { remoteAddress } = request;
      this.#options.log.error({ remoteAddress, reason: messageOf(error) }, 'a stream key could not be checked');
      return 'unavailable';
    }
  }

  #take(channel: string, request: PublishRequest): PublisherSession {
    const admittedAt = this.#clock();
    const broadcastId = newBroadcastId(admittedAt);
    const { sink, events } = this.#options;
    const log = this.#options.log.child({ channel, broadcast: broadcastId });
    const broadcast = new Broadcast({
      channel,
      broadcastId,
      admittedAt,
      sink,
      events,
      log,
      limits: this.#limits,
      metrics: this.#metrics,
      clock: this.#clock,
      onEnded: () => this.#release(channel),
    });
    this.#live.set(channel, { broadcast, request });
    this.#metrics.publishers.inc();
    log.info({ protocol: request.protocol, remoteAddress: request.remoteAddress }, 'publisher admitted');
    return broadcast;
  }

  #release(channel: string): void {
    this.#live.delete(channel);
    this.#metrics.publishers.dec();
  }
}

function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const failure = new Failure<IngestFailureCode>('ingest.authorization-slow', 'no answer about the stream key', {
        hint: 'The catalog does not answer: look at its disk and at the load of the box.',
      });
      reject(failure);
    }, ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
