/**
 * One ffmpeg of a live broadcast: a feed in, a fragmented MP4 per rendition out.
 *
 * Lifetime: started → first output bytes, and the run before it over → `openRun` → forwarding → the feed ends, or ffmpeg
 * or a sink fails → sinks flushed, at most `SINK_FLUSH_MS` → `RunSink.end` → `over` resolves. A run that gave no bytes
 * never shows in the sink. The feed is ffmpeg's own stdin, with nothing between; it is destroyed when ffmpeg is gone.
 */
import type { Writable } from 'node:stream';
import type { Log } from '../telemetry/log.js';
import type { LiveCommand } from './ffmpeg-command.js';
import { type FfmpegOutcome, type FfmpegRun, FIRST_OUTPUT_FD, runFfmpeg } from './ffmpeg-process.js';
import type { RunSink } from './fragment-sink.js';
import { LivePace } from './live-pace.js';
import { RenditionPipe } from './rendition-pipe.js';

/** How long a sink may take over its last bytes. */
const SINK_FLUSH_MS = 5_000;

export interface LiveRunOptions {
  /** Its pipes are numbered from `LIVE_FIRST_FD`. */
  readonly command: LiveCommand;
  /** Resolves when the broadcast's run before this one is over: runs never overlap in the sink. */
  readonly after: Promise<unknown>;
  readonly openRun: () => RunSink;
  readonly log: Log;
  /** Killed once no output has come for this long while input flows, ms. */
  readonly stallMs: number;
  readonly nice: number;
  readonly binary: string;
  /** About twice a second while media moves. */
  readonly onPace: (pace: LivePace) => void;
}

export interface LiveRunEnd {
  readonly outcome: FfmpegOutcome;
  /** The feed's owner had ended it, so an end was due. */
  readonly feedEnded: boolean;
  /** What ffmpeg gave, all renditions together. */
  readonly bytes: number;
  readonly livedMs: number;
  /** Renditions whose sink was full at the end, or what a sink failed with; empty where all were well. */
  readonly sinkTrouble: string;
}

export const LIVE_FIRST_FD = FIRST_OUTPUT_FD;

export class LiveRun {
  readonly pid: number | undefined;
  /** Null where ffmpeg could not be started. */
  readonly feed: Writable | null;
  /** Never rejects. */
  readonly over: Promise<LiveRunEnd>;
  readonly pace = new LivePace();
  readonly #options: LiveRunOptions;
  readonly #ffmpeg: FfmpegRun;
  readonly #pipes = new Map<string, RenditionPipe>();
  readonly #started = performance.now();
  #opening: Promise<RunSink> | null = null;
  #sinkFailure = '';

  constructor(options: LiveRunOptions) {
    this.#options = options;
    this.#ffmpeg = this.#spawn();
    this.pid = this.#ffmpeg.pid;
    this.feed = this.#ffmpeg.stdin;
    options.command.outputs.forEach(({ renditionId }, index) => {
      const output = this.#ffmpeg.outputs[index];
      if (output !== undefined) this.#pipes.set(renditionId, new RenditionPipe(output, () => this.#open()));
    });
    this.over = this.#awaitEnd();
  }

  /** No more input: ffmpeg hands out what it holds and leaves. */
  finish(): void {
    this.feed?.end();
  }

  kill(): void {
    this.#ffmpeg.kill();
  }

  #spawn(): FfmpegRun {
    const { command, log, stallMs, nice, binary } = this.#options;
    let seen = 0;
    return runFfmpeg(command.args, {
      ...{ log, stallMs, nice, binary, stdin: 'pipe', outputs: command.outputs.length },
      onProgress: (progress) => {
        this.pace.add(performance.now(), progress);
        this.#options.onPace(this.pace);
      },
      // Input that came since the last look, or waits, or has ended (then ffmpeg should be leaving).
      busy: () => {
        const taken = this.#ffmpeg.inputBytes();
        const flowing = taken !== seen;
        seen = taken;
        return flowing || this.feed === null || this.feed.writableLength > 0 || this.feed.writableEnded;
      },
    });
  }

  /** At the first bytes of any rendition: then ffmpeg has understood the feed. */
  #open(): void {
    if (this.#opening !== null) return;
    this.#opening = this.#options.after.then(() => {
      const run = this.#options.openRun();
      for (const [id, pipe] of this.#pipes) pipe.attach(run.rendition(id), (error) => this.#sinkFailed(id, error));
      return run;
    });
  }

  #sinkFailed(id: string, error: Error): void {
    this.#sinkFailure ||= `${id}: ${error.message}`;
    this.#ffmpeg.stop('its fragments were refused');
  }

  async #awaitEnd(): Promise<LiveRunEnd> {
    const outcome = await this.#ffmpeg.done;
    const livedMs = performance.now() - this.#started;
    const blocked = [...this.#pipes].filter(([, pipe]) => pipe.blocked).map(([id]) => id);
    const bytes = [...this.#pipes.values()].reduce((sum, pipe) => sum + pipe.bytes, 0);
    const feedEnded = outcome.ok || this.feed?.writableEnded === true;
    if (this.#opening !== null) await this.#closeSinks(await this.#opening);
    const full = blocked.length > 0 ? `not taken fast enough: ${blocked.join(', ')}` : '';
    return { outcome, feedEnded, bytes, livedMs, sinkTrouble: this.#sinkFailure || full };
  }

  async #closeSinks(run: RunSink): Promise<void> {
    await Promise.all([...this.#pipes.values()].map((pipe) => pipe.flush(SINK_FLUSH_MS)));
    run.end();
  }
}
