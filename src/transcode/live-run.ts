/**
 * One ffmpeg of a live broadcast: a feed in, a fragmented MP4 per rendition out; and beside it what is passed through.
 *
 * Lifetime: started → first output bytes, and the run before it over → `openRun` → forwarding → the feed ends, or ffmpeg
 * or a sink fails → sinks flushed, at most `SINK_FLUSH_MS` → `RunSink.end` (where an end was due) or `abandon` → `over`
 * resolves. A run that gave no bytes never shows in the sink.
 */
import type { Log } from '../telemetry/log.js';
import type { FeedItem } from './feed/matroska-reader.js';
import type { FeedRun, FeedRunEnd } from './feed-run.js';
import type { LiveCommand } from './ffmpeg-command.js';
import { type FfmpegRun, FIRST_OUTPUT_FD, runFfmpeg } from './ffmpeg-process.js';
import type { RunSink } from './fragment-sink.js';
import { LivePace } from './live-pace.js';
import { PassedTracks, type PassedTracksOptions } from './passthrough/passed-tracks.js';
import { RenditionPipe } from './rendition-pipe.js';
import { StallDetector } from './stall-detector.js';

/** How long a sink may take over its last bytes. */
const SINK_FLUSH_MS = 5_000;
/** What may wait for ffmpeg to read it before the publisher is paused. */
const WAITING_BYTES_MAX = 512 * 1024;

export interface LiveRunOptions {
  /** Its pipes are numbered from `LIVE_FIRST_FD`. */
  readonly command: LiveCommand;
  /** The source's own tracks among the renditions. */
  readonly passed: Omit<PassedTracksOptions, 'onFailure'> | null;
  /** Resolves when the broadcast's run before this one is over: runs never overlap in the sink. */
  readonly after: Promise<unknown>;
  readonly openRun: () => RunSink;
  readonly log: Log;
  /** Killed once it hangs for this long (see `StallDetector`), ms. */
  readonly stallMs: number;
  readonly nice: number;
  readonly binary: string;
  /** About twice a second while media moves. */
  readonly onPace: (pace: LivePace) => void;
}

export const LIVE_FIRST_FD = FIRST_OUTPUT_FD;

export class LiveRun implements FeedRun {
  readonly pid: number | undefined;
  readonly over: Promise<FeedRunEnd>;
  readonly pace = new LivePace();
  readonly #options: LiveRunOptions;
  readonly #ffmpeg: FfmpegRun;
  readonly #pipes = new Map<string, RenditionPipe>();
  readonly #started = performance.now();
  readonly #stall: StallDetector;
  readonly #passed: PassedTracks | null;
  #opening: Promise<RunSink> | null = null;
  #sinkFailure = '';
  #finished = false;

  constructor(options: LiveRunOptions) {
    this.#options = options;
    this.#ffmpeg = this.#spawn();
    this.pid = this.#ffmpeg.pid;
    options.command.outputs.forEach(({ renditionId }, index) => {
      const output = this.#ffmpeg.outputs[index];
      if (output !== undefined) this.#pipes.set(renditionId, new RenditionPipe(output, () => this.#open()));
    });
    const { passed } = options;
    const onFailure = (message: string) => this.#sinkFailed(message);
    this.#passed = passed === null ? null : new PassedTracks({ ...passed, onFailure });
    this.#stall = this.#watch();
    this.over = this.#awaitEnd();
  }

  get full(): boolean {
    return (this.#ffmpeg.stdin?.writableLength ?? 0) > WAITING_BYTES_MAX;
  }

  /** Also resolves when ffmpeg is gone. */
  drained(): Promise<void> {
    const { stdin } = this.#ffmpeg;
    if (stdin === null || stdin.destroyed || !stdin.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        stdin.off('drain', done).off('close', done);
        resolve();
      };
      stdin.on('drain', done).on('close', done);
    });
  }

  take(items: readonly FeedItem[]): void {
    const { stdin } = this.#ffmpeg;
    if (stdin === null || stdin.destroyed || stdin.writableEnded) return;
    this.#passed?.take(items);
    stdin.cork();
    for (const { raw } of items) for (const piece of raw) stdin.write(piece);
    stdin.uncork();
  }

  /** No more input: ffmpeg hands out what it holds and leaves. */
  finish(): void {
    this.#finished = true;
    this.#ffmpeg.stdin?.end();
  }

  kill(): void {
    this.#ffmpeg.kill();
  }

  #spawn(): FfmpegRun {
    const { command, log, nice, binary } = this.#options;
    return runFfmpeg(command.args, {
      ...{ log, nice, binary, stdin: 'pipe', outputs: command.outputs.length, stallMs: null },
      onProgress: (progress) => {
        this.pace.add(performance.now(), progress);
        this.#options.onPace(this.pace);
      },
    });
  }

  #watch(): StallDetector {
    const { stdin } = this.#ffmpeg;
    const pipes = () => [...this.#pipes.values()];
    return new StallDetector({
      pid: this.pid,
      stallMs: this.#options.stallMs,
      given: () => pipes().reduce((sum, pipe) => sum + pipe.bytes, 0),
      taken: () => this.#ffmpeg.inputBytes() - (stdin?.writableLength ?? 0),
      waiting: () => (stdin?.writableLength ?? 0) > 0 || this.#finished,
      heldBack: () => pipes().some((pipe) => pipe.blocked),
      onStall: (why) => {
        this.#options.log.warn({ pid: this.pid, why }, 'ffmpeg hangs: killed');
        this.#ffmpeg.kill('stalled', why);
      },
    });
  }

  /** At the first bytes of any rendition: then ffmpeg has understood the feed. */
  #open(): void {
    if (this.#opening !== null) return;
    this.#opening = this.#options.after.then(() => {
      const run = this.#options.openRun();
      this.#passed?.open(run);
      for (const [id, pipe] of this.#pipes) {
        pipe.attach(run.rendition(id), (error) => this.#sinkFailed(`${id}: ${error.message}`));
      }
      return run;
    });
  }

  #sinkFailed(message: string): void {
    this.#sinkFailure ||= message;
    this.#ffmpeg.stop('its fragments were refused');
  }

  async #awaitEnd(): Promise<FeedRunEnd> {
    const outcome = await this.#ffmpeg.done;
    this.#stall.close();
    const livedMs = performance.now() - this.#started;
    const blocked = [...this.#pipes].filter(([, pipe]) => pipe.blocked).map(([id]) => id);
    const bytes = [...this.#pipes.values()].reduce((sum, pipe) => sum + pipe.bytes, this.#passed?.bytes ?? 0);
    const feedEnded = outcome.ok || this.#finished;
    const resumeMs = this.#opening === null ? null : await this.#closeSinks(await this.#opening, feedEnded);
    const full = blocked.length > 0 ? `not taken fast enough: ${blocked.join(', ')}` : '';
    return { outcome, feedEnded, bytes, livedMs, sinkTrouble: this.#sinkFailure || full, resumeMs };
  }

  async #closeSinks(run: RunSink, feedEnded: boolean): Promise<number | null> {
    const pipes = [...this.#pipes.values()];
    await Promise.all([this.#passed?.finish(), ...pipes.map((pipe) => pipe.flush(SINK_FLUSH_MS))]);
    const resumeMs = feedEnded ? null : run.abandon();
    if (feedEnded) run.end();
    for (const pipe of pipes) pipe.close();
    this.#passed?.close();
    return resumeMs;
  }
}
