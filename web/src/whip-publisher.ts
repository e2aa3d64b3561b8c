import { PublishingStats, type StatsReport } from './publishing-stats.js';
import { endSession, openSession, WhipRefused, type WhipSession } from './whip-session.js';

/** What the page shows of a broadcast. */
export type PublisherState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'waiting'; readonly words: string; readonly retryAt: number }
  | { readonly kind: 'ended'; readonly words: string | null };

export interface PublisherOptions {
  readonly stream: MediaStream;
  readonly streamKey: string;
  readonly backup: boolean;
  /** Of the picture, bits per second. */
  readonly bitrate: number;
  onState(state: PublisherState): void;
  onStats(stats: StatsReport): void;
}

const retryMs = [1000, 2000, 4000, 8000, 15_000] as const;
/** A box that does not come back within this long is given up. */
const giveUpMs = 10 * 60_000;
/** ICE often recovers from "disconnected" by itself. */
const disconnectedMs = 3000;
const connectMs = 15_000;

/**
 * One broadcast over WHIP (RFC 9725): opens a session, and opens another, with growing pauses, whenever the connection
 * fails. Lives from its making to `ended`, which comes after `stop`, a refusal, or ten minutes without a connection.
 */
export class WhipPublisher {
  readonly #options: PublisherOptions;
  readonly #stats: PublishingStats;
  #session: WhipSession | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #lostAt = performance.now();
  #wasLive = false;
  #ended = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#stats = new PublishingStats((report) => options.onStats(report));
    this.#connect();
  }

  /** Ends the broadcast and tells the box. */
  stop(): void {
    this.#end(null);
  }

  async #connect(): Promise<void> {
    this.#options.onState({ kind: 'connecting' });
    try {
      const session = await openSession(this.#options);
      if (this.#ended) return endSession(session);
      this.#session = session;
      this.#watch(session);
    } catch (error) {
      if (!this.#ended) this.#failed(error);
    }
  }

  #watch(session: WhipSession): void {
    const { connection } = session;
    this.#wait(connectMs, () =>
      this.#lost('The media connection did not come about. Is the UDP port of the box open?'),
    );
    connection.onconnectionstatechange = () => {
      if (this.#session !== session) return;
      const state = connection.connectionState;
      if (state === 'connected') this.#connected(session);
      else if (state === 'failed' || state === 'closed') this.#lost('The connection was lost.');
      else if (state === 'disconnected') this.#wait(disconnectedMs, () => this.#lost('The connection was lost.'));
    };
    if (connection.connectionState === 'connected') this.#connected(session);
  }

  #connected(session: WhipSession): void {
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#wasLive = true;
    this.#stats.follow(session.connection);
    this.#options.onState({ kind: 'live' });
  }

  #failed(error: unknown): void {
    const words = error instanceof Error ? error.message : String(error);
    // A channel that is taken may be so by our own lost session: that is over soon.
    const final = error instanceof WhipRefused && !(error.passing || (error.taken && this.#wasLive));
    if (final) this.#end(words);
    else this.#lost(words);
  }

  #lost(words: string): void {
    this.#letGo();
    if (this.#attempt === 0) this.#lostAt = performance.now();
    if (performance.now() - this.#lostAt > giveUpMs) {
      this.#end(`${words} It was tried again for ten minutes.`);
      return;
    }
    const pause = retryMs[Math.min(this.#attempt, retryMs.length - 1)] ?? 1000;
    this.#attempt += 1;
    this.#options.onState({ kind: 'waiting', words, retryAt: Date.now() + pause });
    this.#wait(pause, () => this.#connect());
  }

  #wait(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }

  #letGo(): void {
    this.#stats.stop();
    const session = this.#session;
    this.#session = null;
    if (session) endSession(session);
  }

  #end(words: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#letGo();
    this.#options.onState({ kind: 'ended', words });
  }
}
