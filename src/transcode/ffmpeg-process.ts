/**
 * The one owner of ffmpeg, ffprobe and packager children: nobody else spawns.
 *
 * `runFfmpeg` is for work that takes time: progress, a stall watchdog, pipes for outputs. `runTool` is for a short
 * question whose answer stands on stdout. Neither throws: how a child ended is a value. See `guarded-child.ts` for why
 * none is ever left behind.
 */
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Log } from '../telemetry/log.js';
import { type ChildEnd, causeOf, describeEnd, type FfmpegFailureCause } from './ffmpeg-failure.js';
import { GuardedChild } from './guarded-child.js';

/** Output pipes are numbered from here: the first is `pipe:3`. */
export const FIRST_OUTPUT_FD = 3;
const STALL_MS = 60_000;
const PROGRESS_LINE_MAX = 4_096;

export interface FfmpegProgress {
  /** How far the furthest output has come, ms on the output's own clock. */
  readonly outTimeMs: number;
  /** Frames of the first video output; 0 without video. */
  readonly frames: number;
  /** Media seconds per second, or null where ffmpeg cannot say yet. */
  readonly speed: number | null;
}

export interface FfmpegOptions {
  readonly log: Log;
  readonly signal?: AbortSignal;
  /** Killed as `stalled` once neither frames nor time have moved for this long, in ms; null: never. Default 60 000. */
  readonly stallMs?: number | null;
  readonly nice?: number;
  readonly onProgress?: (progress: FfmpegProgress) => void;
  readonly stdin?: 'ignore' | 'pipe';
  /** How many output pipes; the arguments name them `pipe:3`, `pipe:4`, … */
  readonly outputs?: number;
  /** Open files that it gets, as descriptors after those of the outputs; the caller closes them once this has returned. */
  readonly descriptors?: readonly number[];
  /** Which ffmpeg; default `ffmpeg` from PATH. */
  readonly binary?: string;
}

export interface FfmpegRun {
  readonly pid: number | undefined;
  /** Errors on it (EPIPE when ffmpeg dies) are already handled; the outcome tells. */
  readonly stdin: Writable | null;
  /** Bytes that `stdin` has taken so far, those still waiting for ffmpeg included. */
  inputBytes(): number;
  /** Must be read, or destroyed, by the caller: ffmpeg waits on a full pipe. */
  readonly outputs: readonly Readable[];
  /** SIGTERM (ffmpeg finishes its files), SIGKILL after 5 s. */
  stop(reason: string): void;
  /** SIGKILL; the outcome says why. */
  kill(cause?: 'killed' | 'stalled', reason?: string): void;
  /** Never rejects. */
  readonly done: Promise<FfmpegOutcome>;
}

export interface ChildFailed {
  readonly ok: false;
  readonly cause: FfmpegFailureCause;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** One line for people. */
  readonly message: string;
}

/** Exit code 0. ffmpeg says 0 for truncated input too: compare frames and time with what was expected. */
export type FfmpegOutcome =
  | { readonly ok: true; readonly frames: number; readonly outTimeMs: number; readonly stderr: string }
  | ChildFailed;

export type ToolOutcome = { readonly ok: true; readonly stdout: Buffer; readonly stderr: string } | ChildFailed;

/** Starts ffmpeg. The quiet, progress and no-terminal options are put before `args`; a later `-loglevel` in `args` wins. */
export function runFfmpeg(args: readonly string[], options: FfmpegOptions): FfmpegRun {
  const binary = options.binary ?? 'ffmpeg';
  const outputs = Array.from({ length: options.outputs ?? 0 }, () => 'pipe' as const);
  const child = new GuardedChild(binary, [...HOUSEKEEPING, ...args], {
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe', ...outputs, ...(options.descriptors ?? [])],
    ...(options.nice === undefined ? {} : { nice: options.nice }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  options.log.debug({ pid: child.process.pid, args }, 'ffmpeg started');
  child.process.stdin?.on('error', () => {});
  const progress = new ProgressReader(options.onProgress);
  child.process.stdout?.setEncoding('utf8').on('data', (text: string) => progress.push(text));
  const watchdog = watchStall(child, progress, options);
  return {
    pid: child.process.pid,
    stdin: child.process.stdin ?? null,
    inputBytes: () => (child.process.stdin instanceof Socket ? child.process.stdin.bytesWritten : 0),
    outputs: outputPipes(child, outputs.length),
    stop: (reason) => child.stop(reason),
    kill: (cause, reason) => child.kill(cause, reason),
    done: child.ended.then((end) => {
      clearInterval(watchdog);
      return ffmpegOutcome(binary, end, progress.latest, options.log);
    }),
  };
}

const HOUSEKEEPING = ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+warning', '-progress', 'pipe:1'];

function outputPipes(child: GuardedChild, count: number): Readable[] {
  // Where the box has no descriptor left (EMFILE) the child has no streams at all, whatever the types say.
  const stdio: readonly unknown[] = child.process.stdio ?? [];
  return stdio.slice(FIRST_OUTPUT_FD, FIRST_OUTPUT_FD + count).filter((pipe) => pipe instanceof Socket);
}

function ffmpegOutcome(binary: string, end: ChildEnd, progress: FfmpegProgress, log: Log): FfmpegOutcome {
  if (succeeded(end)) {
    return { ok: true, frames: progress.frames, outTimeMs: progress.outTimeMs, stderr: end.stderr };
  }
  const failed = failedOutcome(binary, end);
  log.debug({ cause: failed.cause, code: end.code, signal: end.signal, stderr: end.stderr }, 'ffmpeg ended');
  return failed;
}

/** Code 0 after a stop: the work was already done when the signal came (ffmpeg answers 255 where it obeyed). */
function succeeded(end: ChildEnd): boolean {
  return end.spawnError === null && end.code === 0 && (end.intent === null || end.intent === 'stopped');
}

function failedOutcome(binary: string, end: ChildEnd): ChildFailed {
  const message = describeEnd(binary, end);
  return { ok: false, cause: causeOf(end), code: end.code, signal: end.signal, stderr: end.stderr, message };
}

/** Looks four times in a stall period whether anything moved. */
function watchStall(child: GuardedChild, progress: ProgressReader, options: FfmpegOptions): NodeJS.Timeout | undefined {
  if (options.stallMs === null) return undefined;
  const stallMs = options.stallMs ?? STALL_MS;
  let seen = progress.mark;
  let idle = 0;
  return setInterval(() => {
    const moved = progress.mark !== seen;
    seen = progress.mark;
    idle = moved ? 0 : idle + 1;
    if (idle < 4 || child.exited) return;
    options.log.warn({ pid: child.process.pid, stallMs }, 'ffmpeg makes no progress: killed');
    child.kill('stalled', `no progress for ${stallMs} ms`);
  }, stallMs / 4).unref();
}

/** Reads `-progress`: lines of `key=value`, each report closed by `progress=continue` or `progress=end`. */
class ProgressReader {
  latest: FfmpegProgress = { outTimeMs: 0, frames: 0, speed: null };
  /** Changes whenever ffmpeg got further. */
  mark = '';
  readonly #report: ((progress: FfmpegProgress) => void) | undefined;
  #rest = '';
  #values = new Map<string, string>();

  constructor(report: ((progress: FfmpegProgress) => void) | undefined) {
    this.#report = report;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, PROGRESS_LINE_MAX);
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const equals = line.indexOf('=');
    if (equals < 0) return;
    const key = line.slice(0, equals);
    if (key === 'progress') this.#finish();
    else if (KEYS.has(key)) this.#values.set(key, line.slice(equals + 1).trim());
  }

  #finish(): void {
    const number = (key: string) => Number.parseFloat(this.#values.get(key) ?? '');
    const outTimeMs = number('out_time_us') / 1000;
    const speed = number('speed');
    this.latest = {
      outTimeMs: Number.isFinite(outTimeMs) ? Math.max(0, outTimeMs) : this.latest.outTimeMs,
      frames: number('frame') || 0,
      speed: Number.isFinite(speed) ? speed : null,
    };
    this.mark = `${this.#values.get('frame')} ${this.#values.get('out_time_us')} ${this.#values.get('total_size')}`;
    this.#report?.(this.latest);
  }
}

const KEYS = new Set(['frame', 'out_time_us', 'speed', 'total_size']);

export interface ToolOptions {
  readonly log: Log;
  readonly signal?: AbortSignal;
  /** Killed as `stalled` after this long, in ms. Default 60 000. */
  readonly timeoutMs?: number;
  /** Killed as soon as stdout holds more, in bytes. Default 8 MiB. */
  readonly stdoutMax?: number;
  readonly nice?: number;
}

const TOOL_TIMEOUT_MS = 60_000;
const TOOL_STDOUT_MAX = 8 * 1024 * 1024;

/** Runs `binary` to its end and hands back its stdout, whole. For ffprobe, the packager, `ffmpeg -version`. */
export async function runTool(binary: string, args: readonly string[], options: ToolOptions): Promise<ToolOutcome> {
  const child = new GuardedChild(binary, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.nice === undefined ? {} : { nice: options.nice }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const timeoutMs = options.timeoutMs ?? TOOL_TIMEOUT_MS;
  const timer = setTimeout(() => child.kill('stalled', `not done after ${timeoutMs} ms`), timeoutMs);
  const stdout = collectStdout(child, options.stdoutMax ?? TOOL_STDOUT_MAX);
  const end = await child.ended;
  clearTimeout(timer);
  if (succeeded(end)) return { ok: true, stdout: stdout(), stderr: end.stderr };
  const failed = failedOutcome(binary, end);
  options.log.debug({ binary, cause: failed.cause, stderr: end.stderr }, 'tool failed');
  return failed;
}

function collectStdout(child: GuardedChild, max: number): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  child.process.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > max) child.kill('killed', `it said more than ${max} bytes`);
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks);
}
