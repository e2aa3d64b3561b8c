/**
 * One feed's stay: its runs one after another, each the heir of the one that failed, until the feed ends.
 *
 * Lifetime: made with the feed → (described, where its broadcast must know more) → a run → it fails: after the wait that the
 * policy imposes, another, from the place where the first one's segments end → the feed ends and its run is over, or too
 * many runs have failed and the feed is destroyed → `over` resolves.
 */
import type { Writable } from 'node:stream';
import type { Log } from '../telemetry/log.js';
import { LiveFeed, type SourceDescription } from './feed/live-feed.js';
import type { FeedRun, FeedRunEnd } from './feed-run.js';

export interface RunVerdict {
  readonly waitMs: number;
  /** No more runs for now: the feed is given back. */
  readonly giveUp: boolean;
}

export interface FeedTranscodingOptions {
  readonly describe: 'no' | 'tracks' | 'keys';
  readonly rememberMs: number;
  readonly startMs: number;
  readonly log: Log;
  /** Null: there is nothing to make of this source. */
  readonly startRun: (source: SourceDescription, startMs: number, after: Promise<unknown>) => FeedRun | null;
  /** Of a run that failed while its feed goes on. */
  readonly onFailure: (run: FeedRun, end: FeedRunEnd) => RunVerdict;
  readonly onOver: (run: FeedRun, end: FeedRunEnd) => void;
  /** The broadcast's feeds before this one are over. */
  readonly after: Promise<unknown>;
}

const KEY_POLL_MS = 100;

export class FeedTranscoding {
  readonly feed: LiveFeed;
  /** Never rejects. */
  readonly over: Promise<void>;
  readonly #options: FeedTranscodingOptions;
  #source: SourceDescription = { tracks: [], keyIntervalMs: null };
  #run: FeedRun | null = null;
  #after: Promise<unknown>;
  #waiting: NodeJS.Timeout | null = null;
  /** Where the media that the runs so far have delivered ends, ms of the timeline. */
  #resumeMs: number | null = null;
  #hasRun = false;
  #resolve: () => void = () => {};
  #stopped = false;

  constructor(options: FeedTranscodingOptions) {
    this.#options = options;
    this.#after = options.after;
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.feed = new LiveFeed({
      ...{ describe: options.describe, rememberMs: options.rememberMs },
      onDescribed: (source) => {
        this.#source = source;
        this.#start();
      },
    });
    if (options.describe === 'no') this.#start();
  }

  /** The writable that ingest gets. */
  get writable(): Writable {
    return this.feed;
  }

  get run(): FeedRun | null {
    return this.#run;
  }

  /** No more input is taken: what is held comes out, and then it is over. */
  finish(): void {
    this.#stopped = true;
    if (this.#run === null) this.#close();
    else this.#run.finish();
  }

  kill(): void {
    this.#stopped = true;
    this.#run?.kill();
  }

  #start(): void {
    this.#waiting = null;
    const fromMs = this.#resumeMs;
    const keyMs = this.feed.keyAt(fromMs);
    // An heir has to be told where its first picture stands; the first run knows it from ingest.
    if (keyMs === null && this.#hasRun && !this.feed.over) {
      this.#waiting = setTimeout(() => this.#start(), KEY_POLL_MS);
      return;
    }
    const startMs = keyMs === null || !this.#hasRun ? this.#options.startMs : Math.max(keyMs, fromMs ?? 0);
    const run = this.#options.startRun(this.#source, startMs, this.#after);
    if (run === null) {
      this.#close();
      return;
    }
    this.#hasRun = true;
    this.#run = run;
    void run.over.then((end) => this.#ended(run, end));
    this.feed.attach(run, fromMs);
  }

  #ended(run: FeedRun, end: FeedRunEnd): void {
    this.feed.detach(run);
    this.#run = null;
    this.#after = run.over;
    this.#resumeMs = end.resumeMs ?? this.#resumeMs;
    this.#options.onOver(run, end);
    if (end.feedEnded || this.#stopped) {
      this.#close();
      return;
    }
    const { waitMs, giveUp } = this.#options.onFailure(run, end);
    if (giveUp) this.#close();
    else this.#waiting = setTimeout(() => this.#start(), waitMs);
  }

  #close(): void {
    if (this.#waiting !== null) clearTimeout(this.#waiting);
    this.#waiting = null;
    if (!this.feed.destroyed) this.feed.destroy();
    this.#resolve();
  }
}
