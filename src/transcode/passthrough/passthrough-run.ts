/**
 * A run without ffmpeg: the source's own frames, picture and sound, become fragments as they are.
 *
 * Lifetime: made → the broadcast's run before it is over: `openRun` → fragments → `finish` by the feed, or a sink fails (keys
 * stay away, say) → `RunSink.end` or `abandon` → `over` resolves.
 */

import type { FeedItem } from '../feed/matroska-reader.js';
import type { FeedRun, FeedRunEnd, FeedRunOutcome } from '../feed-run.js';
import type { RunSink } from '../fragment-sink.js';
import { LivePace } from '../live-pace.js';
import { PassedTracks, type PassedTracksOptions } from './passed-tracks.js';

export interface PassthroughRunOptions extends Omit<PassedTracksOptions, 'onFailure'> {
  /** Resolves when the broadcast's run before this one is over. */
  readonly after: Promise<unknown>;
  readonly openRun: () => RunSink;
  /** About twice a second while media moves. */
  readonly onPace: (pace: LivePace) => void;
}

const PACE_MS = 500;

export class PassthroughRun implements FeedRun {
  readonly pid = undefined;
  readonly pace = new LivePace();
  readonly over: Promise<FeedRunEnd>;
  readonly #options: PassthroughRunOptions;
  readonly #started = performance.now();
  readonly #tracks: PassedTracks;
  #run: RunSink | null = null;
  #finished = false;
  #settled = false;
  #settle: (end: FeedRunEnd) => void = () => {};
  #pacedAt = 0;

  constructor(options: PassthroughRunOptions) {
    this.#options = options;
    this.over = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#tracks = new PassedTracks({ ...options, onFailure: (message) => this.#fail(message) });
    void options.after.then(() => this.#open());
  }

  get full(): boolean {
    return this.#tracks.full;
  }

  async drained(): Promise<void> {
    await Promise.race([this.over, this.#tracks.drained()]);
  }

  take(items: readonly FeedItem[]): void {
    if (this.#settled || this.#finished) return;
    this.#tracks.take(items);
    this.#showPace();
  }

  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#run !== null) void this.#close();
  }

  kill(): void {
    this.#end({ ok: false, cause: 'killed', message: 'passing through was ended', stderr: '' });
  }

  #open(): void {
    if (this.#settled) return;
    this.#run = this.#options.openRun();
    this.#tracks.open(this.#run);
    if (this.#finished) void this.#close();
  }

  #showPace(): void {
    const now = performance.now();
    if (now - this.#pacedAt < PACE_MS) return;
    this.#pacedAt = now;
    const { frames, latestMs } = this.#tracks;
    this.pace.add(now, { outTimeMs: latestMs, frames, speed: null });
    this.#options.onPace(this.pace);
  }

  async #close(): Promise<void> {
    await this.#tracks.finish();
    this.#end({ ok: true });
  }

  #fail(message: string): void {
    this.#end({ ok: false, cause: 'other', message: `passing through failed: ${message}`, stderr: '' });
  }

  #end(outcome: FeedRunOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    const feedEnded = outcome.ok || this.#finished;
    const resumeMs = feedEnded ? null : (this.#run?.abandon() ?? null);
    if (feedEnded) this.#run?.end();
    this.#tracks.close();
    const sinkTrouble = outcome.ok ? '' : outcome.message;
    const livedMs = performance.now() - this.#started;
    this.#settle({ outcome, feedEnded, bytes: this.#tracks.bytes, livedMs, sinkTrouble, resumeMs });
  }
}
