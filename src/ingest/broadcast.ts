import type { DecoderConfig, Frame } from '../media/frame.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import type { FeedLimits } from './feed.js';
import { FeedMuxer } from './feed-muxer.js';
import type { FeedSink } from './feed-sink.js';
import type { IngestMetrics } from './ingest-metrics.js';
import type { LiveEvents } from './live-events.js';
import type { FactsVerdict } from './source-facts.js';
import type { SourceMetadata } from './source-metadata.js';
import type { ClockRepair } from './timeline.js';

/** What a protocol's connection holds while it publishes. All of it may be called after the end, and then does nothing. */
export interface PublisherSession {
  readonly channel: string;
  readonly broadcastId: string;
  /** Refused: the source can't be used; tell the publisher the message and let it go. */
  config(config: DecoderConfig): FactsVerdict;
  metadata(metadata: SourceMetadata): void;
  /** False: stop reading from the publisher until `drained` resolves. The frame itself is taken. */
  frame(frame: Frame): boolean;
  /** Resolves when frames may come again; never waits longer than the feed's stall bound. */
  drained(): Promise<void>;
  end(): void;
}

/** Clock jumps that get a log line of their own in one broadcast; the counter has them all. */
const LOGGED_JUMPS_MAX = 10;

/**
 * One publisher's stay on a channel.
 *
 * Lifetime: from admission to `end` (from the connection, or from the operator's side). It is announced as started when its
 * first feed opens, and as ended only if it was.
 */
export class Broadcast implements PublisherSession {
  readonly channel: string;
  readonly broadcastId: string;
  readonly admittedAt: number;
  readonly #options: BroadcastOptions;
  readonly #muxer: FeedMuxer;
  #bytes = 0;
  #feeds = 0;
  #jumps = 0;
  #ended = false;

  constructor(options: BroadcastOptions) {
    this.#options = options;
    this.channel = options.channel;
    this.broadcastId = options.broadcastId;
    this.admittedAt = options.admittedAt;
    this.#muxer = new FeedMuxer({
      ...options,
      onFeed: (startedAt) => this.#feedOpened(startedAt),
      onRepair: (repair) => this.#clockRepaired(repair),
    });
  }

  get facts(): SourceFacts {
    return this.#muxer.facts;
  }

  /** Media bytes taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  config(config: DecoderConfig): FactsVerdict {
    return this.#muxer.config(config);
  }

  metadata(metadata: SourceMetadata): void {
    this.#muxer.metadata(metadata);
  }

  frame(frame: Frame): boolean {
    if (this.#ended) return true;
    this.#bytes += frame.data.length;
    this.#options.metrics.bytes.inc(frame.data.length);
    this.#options.metrics.frames.inc({ track: frame.track });
    return this.#muxer.frame(frame);
  }

  drained(): Promise<void> {
    return this.#muxer.drained();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#muxer.end();
    const { channel, broadcastId, sink, events, log, clock } = this.#options;
    if (this.#feeds > 0) {
      sink.endBroadcast(broadcastId);
      events.broadcastEnded({ channel, broadcastId, at: clock() });
    }
    log.info({ bytes: this.#bytes, feeds: this.#feeds }, 'publisher left');
    this.#options.onEnded();
  }

  #feedOpened(startedAt: number): void {
    const { channel, broadcastId, events, log, metrics } = this.#options;
    this.#feeds++;
    metrics.feeds.inc();
    log.info({ facts: this.facts, feed: this.#feeds }, 'feed opened');
    if (this.#feeds === 1) events.broadcastStarted({ channel, broadcastId, at: startedAt });
  }

  #clockRepaired(repair: ClockRepair): void {
    this.#options.metrics.clockRepairs.inc({ kind: repair.kind });
    if (repair.kind !== 'jump' || this.#jumps >= LOGGED_JUMPS_MAX) return;
    this.#jumps++;
    this.#options.log.warn({ track: repair.track, byMs: repair.byMs }, 'the source clock jumped; times were repaired');
  }
}

export interface BroadcastOptions {
  readonly channel: string;
  readonly broadcastId: string;
  /** Epoch ms. */
  readonly admittedAt: number;
  readonly sink: FeedSink;
  readonly events: LiveEvents;
  readonly limits: FeedLimits;
  readonly metrics: IngestMetrics;
  readonly clock: () => number;
  readonly log: Log;
  /** The channel's slot is free again. */
  readonly onEnded: () => void;
}
