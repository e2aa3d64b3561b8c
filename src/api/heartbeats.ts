import { createHash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { ApiCatalog, ApiEntry, WatchedVideo } from './api-catalog.js';

export interface Heartbeat {
  readonly videoId: string;
  /** Tells viewers apart: the user, or what is known of somebody who is not signed in. */
  readonly viewer: string;
  /** Null for who is not signed in: they have no history. */
  readonly userId: string | null;
  readonly progressSec: number;
  readonly bufferEvents: number;
}

export interface HeartbeatsOptions {
  readonly catalog: Pick<ApiCatalog, 'append'>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly flushEveryMs?: number;
  readonly videosMax?: number;
  readonly watchersMax?: number;
}

const MINUTE_MS = 60_000;
/** A viewer who was away for so long counts as a new view. */
const VIEW_MS = 30 * MINUTE_MS;
const VIEWERS_MAX = 20_000;
/** Batches that the catalog did not take yet; beyond them the oldest is given up. */
const BATCHES_MAX = 5;

interface Tally {
  views: number;
  beats: number;
  bufferEvents: number;
  readonly watchers: Map<string, number>;
}

/**
 * What players tell, rolled up in memory and appended as one entry a minute, so that the log grows with minutes and not
 * with viewers. A crash loses at most the minute; `close` loses nothing. What goes beyond the bounds is counted and dropped.
 */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #viewers = new LRUCache<string, true>({ max: VIEWERS_MAX, ttl: VIEW_MS, updateAgeOnGet: true });
  readonly #batches: ApiEntry[] = [];
  readonly #dropped;
  readonly #timer: NodeJS.Timeout;
  #tallies = new Map<string, Tally>();
  #watchers = 0;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.#dropped = options.metrics.counter(
      'api_heartbeats_dropped_total',
      'Heartbeats not recorded, because a minute had more than is kept or the catalog was away too long. Views are undercounted.',
    );
    this.#timer = setInterval(() => void this.flush(), options.flushEveryMs ?? MINUTE_MS);
    this.#timer.unref();
  }

  record(beat: Heartbeat): void {
    const tally = this.#tallyOf(beat.videoId);
    if (tally === null) {
      this.#dropped.inc();
      return;
    }
    tally.beats += 1;
    tally.bufferEvents += beat.bufferEvents;
    if (this.#isNewView(beat)) tally.views += 1;
    if (beat.userId !== null) this.#watch(tally, beat.userId, beat.progressSec);
  }

  /** Appends what came since the last time. Never throws: what the catalog does not take is offered again next time. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#append());
    return this.#flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  #tallyOf(videoId: string): Tally | null {
    const known = this.#tallies.get(videoId);
    if (known !== undefined) return known;
    if (this.#tallies.size >= (this.#options.videosMax ?? 5000)) return null;
    const tally: Tally = { views: 0, beats: 0, bufferEvents: 0, watchers: new Map() };
    this.#tallies.set(videoId, tally);
    return tally;
  }

  #isNewView({ videoId, viewer }: Heartbeat): boolean {
    const key = createHash('sha256').update(`${videoId} ${viewer}`).digest('base64').slice(0, 16);
    if (this.#viewers.get(key) !== undefined) return false;
    this.#viewers.set(key, true);
    return true;
  }

  #watch(tally: Tally, userId: string, progressSec: number): void {
    if (!tally.watchers.has(userId)) {
      if (this.#watchers >= (this.#options.watchersMax ?? 20_000)) return void this.#dropped.inc();
      this.#watchers += 1;
    }
    tally.watchers.set(userId, progressSec);
  }

  async #append(): Promise<void> {
    if (this.#tallies.size > 0) this.#batches.push(this.#batch());
    while (this.#batches.length > BATCHES_MAX) {
      this.#batches.shift();
      this.#dropped.inc();
    }
    try {
      for (let next = this.#batches[0]; next !== undefined; next = this.#batches[0]) {
        await this.#options.catalog.append(next);
        this.#batches.shift();
      }
    } catch (error) {
      this.#options.log.warn(
        { reason: messageOf(error) },
        'heartbeats could not be recorded, they are kept for the next minute',
      );
    }
  }

  /** Its id is made once, so that offering it again after an unknown outcome cannot count it twice. */
  #batch(): ApiEntry {
    const videos: WatchedVideo[] = [...this.#tallies].map(([videoId, { watchers, ...sums }]) => ({
      videoId,
      ...sums,
      watchers: [...watchers].map(([userId, progressSec]) => ({ userId, progressSec })),
    }));
    this.#tallies = new Map();
    this.#watchers = 0;
    const at = Date.now();
    const data = { minute: Math.floor(at / MINUTE_MS), videos };
    return { id: `heartbeats-${randomUUID()}`, v: 1, type: 'heartbeats.recorded', at, data };
  }
}
