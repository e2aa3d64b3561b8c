import type { SourceFacts } from '../media/source-facts.js';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { ChannelRelay, type FeedCopy, type TargetSetting } from './channel-relay.js';
import { restreamMetrics } from './restream-metrics.js';
import type { TargetStatus } from './restream-target.js';
import type { StartSender } from './sender.js';

const TICK_MS = 250;
/** After targets could not be read. */
const READ_AGAIN_MS = 5_000;

/** Of a feed's start, what matters here. */
interface FeedOpening {
  readonly channel: string;
  readonly broadcastId: string;
  readonly facts: SourceFacts;
}

interface Broadcast {
  readonly relay: ChannelRelay;
  /** Counts readings of the targets, so that an older one does not undo a newer. */
  reading: number;
  /** When to read the targets again after a failure, epoch ms. */
  readAgainAt: number | null;
  ended: boolean;
}

/**
 * Sends live channels on to the targets that their owners have named.
 *
 * Lifetime: from construction to `close`. A broadcast is known from its first feed to its end, and until its connections have
 * said goodbye. It holds nobody back: a feed's copy is read at once, and what a target does not take is dropped.
 */
export class Restreamer {
  readonly #options: RestreamerOptions;
  readonly #relayOptions: ConstructorParameters<typeof ChannelRelay>[1];
  readonly #broadcasts = new Map<string, Broadcast>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: RestreamerOptions) {
    this.#options = options;
    this.#relayOptions = { ...options, metrics: restreamMetrics(options.metrics) };
  }

  /** A feed begins; what is written to it is pushed into the copy as well. */
  open({ channel, broadcastId, facts }: FeedOpening): FeedCopy {
    const known = this.#broadcasts.get(broadcastId);
    if (known !== undefined) return known.relay.openFeed(facts);
    const relay = new ChannelRelay(channel, this.#relayOptions);
    const broadcast = { relay, reading: 0, readAgainAt: null, ended: false };
    this.#broadcasts.set(broadcastId, broadcast);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    void this.#read(broadcast);
    return relay.openFeed(facts);
  }

  endBroadcast(broadcastId: string): void {
    const broadcast = this.#broadcasts.get(broadcastId);
    if (broadcast === undefined) return;
    broadcast.ended = true;
    broadcast.relay.end();
  }

  /** A channel's targets have changed. */
  refresh(channel: string): void {
    for (const broadcast of this.#broadcasts.values()) {
      if (broadcast.relay.channel === channel) void this.#read(broadcast);
    }
  }

  /** Of the targets of a channel that is live. */
  statuses(channel: string): TargetStatus[] {
    const live = [...this.#broadcasts.values()].filter(({ relay, ended }) => relay.channel === channel && !ended);
    return live.flatMap(({ relay }) => relay.statuses);
  }

  /** Ends all; what has not said goodbye after `graceMs` is cut. */
  async close(graceMs: number): Promise<void> {
    for (const broadcastId of this.#broadcasts.keys()) this.endBroadcast(broadcastId);
    const deadline = Date.now() + graceMs;
    while (this.#broadcasts.size > 0 && Date.now() < deadline) {
      this.#tick();
      await new Promise((resolve) => setTimeout(resolve, CLOSE_LOOK_MS));
    }
    for (const { relay } of this.#broadcasts.values()) relay.kill();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #read(broadcast: Broadcast): Promise<void> {
    broadcast.reading += 1;
    const { reading, relay } = broadcast;
    broadcast.readAgainAt = null;
    try {
      const targets = await this.#options.targets(relay.channel);
      if (broadcast.reading === reading && !broadcast.ended) relay.setTargets(targets);
    } catch (error) {
      this.#options.log.warn(
        { channel: relay.channel, reason: messageOf(error) },
        'restream targets could not be read',
      );
      if (broadcast.reading === reading) broadcast.readAgainAt = this.#options.now() + READ_AGAIN_MS;
    }
  }

  #tick(): void {
    const now = this.#options.now();
    for (const [broadcastId, broadcast] of this.#broadcasts) {
      broadcast.relay.tick();
      if (broadcast.ended && broadcast.relay.over) this.#broadcasts.delete(broadcastId);
      else if (broadcast.readAgainAt !== null && now >= broadcast.readAgainAt) void this.#read(broadcast);
    }
    if (this.#broadcasts.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

const CLOSE_LOOK_MS = 50;

export interface RestreamerOptions {
  readonly start: StartSender;
  /** A channel's targets; may fail, and is asked again. */
  readonly targets: (channel: string) => Promise<readonly TargetSetting[]>;
  /** Whether ffmpeg writes enhanced RTMP. */
  readonly enhancedFlv: () => boolean;
  /** Epoch ms, counted on monotonically. */
  readonly now: () => number;
  readonly random?: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
}
