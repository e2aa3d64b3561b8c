/**
 * Tells a live ffmpeg that hangs from one that is slow, starting, starved of CPU or without work.
 *
 * A hang is: input waits or was taken, nothing comes out, and the process neither runs nor waits for a CPU, as the kernel
 * counts (`/proc/<pid>/stat`); `hangMs` of that, seen on our own clock only while our own event loop keeps time. A process that
 * does compute and still gives nothing, or whose reader holds it back, has `stallMs`.
 *
 * Lifetime: from construction to `close`; `onStall` is called at most once.
 */
import { readFileSync } from 'node:fs';

export interface StallDetectorOptions {
  readonly pid: number | undefined;
  /** Without output for this long while there is input: given up, whatever else it does. */
  readonly stallMs: number;
  /** Not running for this long as well: default the shorter of 2 s and `stallMs`. */
  readonly hangMs?: number;
  /** Bytes that came out. */
  readonly given: () => number;
  /** Bytes that went in. */
  readonly taken: () => number;
  /** More input is there, or its end, and has not been taken. */
  readonly waiting: () => boolean;
  /** Whoever reads its output has stopped. */
  readonly heldBack: () => boolean;
  /** What the kernel knows of it; null where it cannot say. */
  readonly activity?: () => ProcessActivity | null;
  readonly onStall: (why: string) => void;
}

export interface ProcessActivity {
  /** As in proc(5): R running or waiting for a CPU, S sleeping, T stopped, … */
  readonly state: string;
  /** Spent so far by all its threads, in ticks. */
  readonly cpuTicks: number;
}

const HANG_MS = 2_000;
const LOOKS_PER_PERIOD = 8;

export class StallDetector {
  readonly #options: StallDetectorOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #everyMs: number;
  readonly #hangMs: number;
  #given = -1;
  #taken = -1;
  #cpuTicks = -1;
  #lookedAt = performance.now();
  /** How long nothing came out though there was input; and of it, how long the process has not run. */
  #silentMs = 0;
  #idleMs = 0;

  constructor(options: StallDetectorOptions) {
    this.#options = options;
    this.#hangMs = options.hangMs ?? Math.min(HANG_MS, options.stallMs);
    this.#everyMs = this.#hangMs / LOOKS_PER_PERIOD;
    this.#timer = setInterval(() => this.#look(), this.#everyMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { given, taken, waiting, heldBack, stallMs, onStall } = this.#options;
    const [out, into] = [given(), taken()];
    const gave = out !== this.#given;
    // The kernel is asked only where nothing came out.
    const idle = !gave && !this.#hasRun() && !heldBack();
    // Without work time stands still: neither a fault nor a recovery.
    const passedMs = into !== this.#taken || waiting() ? this.#passed() : 0;
    this.#given = out;
    this.#taken = into;
    this.#lookedAt = performance.now();
    this.#silentMs = gave ? 0 : this.#silentMs + passedMs;
    this.#idleMs = !idle ? 0 : this.#idleMs + passedMs;
    if (this.#idleMs < this.#hangMs && this.#silentMs < stallMs) return;
    this.close();
    const hangs = this.#idleMs >= this.#hangMs;
    onStall(hangs ? `it has not run for ${this.#hangMs} ms` : `no output for ${stallMs} ms`);
  }

  /** A look that comes late says that the box is short of CPU: it counts as one look, no more. */
  #passed(): number {
    return Math.min(performance.now() - this.#lookedAt, this.#everyMs);
  }

  #hasRun(): boolean {
    const activity = (this.#options.activity ?? (() => readActivity(this.#options.pid)))();
    const before = this.#cpuTicks;
    this.#cpuTicks = activity?.cpuTicks ?? before;
    if (activity === null) return true;
    return activity.state === 'R' || activity.state === 'D' || activity.cpuTicks !== before;
  }
}

function readActivity(pid: number | undefined): ProcessActivity | null {
  if (pid === undefined) return null;
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return null;
  }
}

/** proc(5): the command's name stands in parentheses and may hold anything; state is field 3, user and system time 14 and 15. */
export function parseProcStat(text: string): ProcessActivity | null {
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const cpuTicks = Number(fields[10]) + Number(fields[11]);
  return state === undefined || !Number.isFinite(cpuTicks) ? null : { state, cpuTicks };
}
