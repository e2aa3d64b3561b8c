import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';

interface KeptSpeed {
  readonly pixelsPerSecond: number;
  /** Which CPU and which ffmpeg made it. */
  readonly machine: string;
  /** Nothing else took the CPU meanwhile. */
  readonly atRest: boolean;
  /** Epoch ms. */
  readonly at: number;
}

export interface SpeedMeasuring {
  /** Takes a few seconds of CPU. */
  readonly measure: () => Promise<number>;
  /** Names what encodes. */
  readonly ffmpegVersion: () => Promise<string>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Work that waits for the CPU or has it, by core, over the last minute: below this a measurement is not disturbed. */
const REST_LOAD_MAX = 0.25;
/** A figure of a box at rest holds for so long; then it is measured again at the next start. */
const FRESH_MS = 7 * 24 * 3_600_000;
/** How often a box that was busy when it was measured is looked at again. */
const AGAIN_MS = 3_600_000;

const loadPerCore = (): number => (loadavg()[0] ?? 0) / Math.max(1, cpus().length);

/**
 * What this box encodes live, in luma pixels per second: by setting, else as measured and kept in the data folder.
 *
 * Others who take the CPU make a measurement smaller, never larger. So one taken at rest replaces what was known, one taken
 * on a busy box only ever raises it, and until there is one at rest it is tried again: at each start, and each hour.
 *
 * Lifetime: known at once with a setting or a kept figure; else a careful assumption holds until the first measurement, begun
 * when everything serves, is done.
 */
export class EncodeSpeed {
  /** One 720p30 rung: what any box that can stream at all sustains. */
  static readonly assumed = 1280 * 720 * 30;
  readonly #file: string;
  readonly #setting: number | null;
  readonly #load: () => number;
  readonly #now: () => number;
  #kept: KeptSpeed | null;

  /** `load`: by core; `now`: epoch ms. */
  constructor(options: { file: string; setting: number | null; load?: () => number; now?: () => number }) {
    this.#file = options.file;
    this.#setting = options.setting;
    this.#load = options.load ?? loadPerCore;
    this.#now = options.now ?? Date.now;
    this.#kept = readKept(options.file);
  }

  get pixelsPerSecond(): number {
    return this.#setting ?? this.#kept?.pixelsPerSecond ?? EncodeSpeed.assumed;
  }

  /** Measures once where that is due. Never fails: what was known stays. */
  async learn(measuring: SpeedMeasuring): Promise<void> {
    const { log, signal } = measuring;
    if (this.#setting !== null) return;
    try {
      const machine = `${await measuring.ffmpegVersion()}, ${cpus().length} × ${cpus()[0]?.model ?? ''}`;
      if (signal.aborted || this.#isFresh(machine)) return;
      const atRest = this.#load() < REST_LOAD_MAX;
      const measured = await measuring.measure();
      this.#take({ pixelsPerSecond: measured, machine, atRest, at: this.#now() });
      log.info({ measured, atRest, pixelsPerSecond: this.pixelsPerSecond }, 'measured what this box can encode live');
    } catch (error) {
      if (!signal.aborted) log.warn({ reason: messageOf(error) }, 'the encode speed could not be measured');
    }
  }

  /** After `learn`: goes on to learn for as long as no figure was taken at rest, at moments of rest. Ends with the signal. */
  async keepLearning(measuring: SpeedMeasuring, everyMs = AGAIN_MS): Promise<void> {
    const { signal } = measuring;
    while (this.#setting === null && this.#kept?.atRest !== true && !signal.aborted) {
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {});
      if (!signal.aborted && this.#load() < REST_LOAD_MAX) await this.learn(measuring);
    }
  }

  #isFresh(machine: string): boolean {
    const kept = this.#kept;
    return kept?.atRest === true && kept.machine === machine && Math.abs(this.#now() - kept.at) < FRESH_MS;
  }

  #take(measured: KeptSpeed): void {
    const known = this.#kept?.machine === measured.machine ? this.#kept : null;
    const isLess = known !== null && measured.pixelsPerSecond < known.pixelsPerSecond;
    this.#kept = isLess && !measured.atRest ? known : measured;
    const draft = `${this.#file}.new`;
    writeFileSync(draft, `${JSON.stringify(this.#kept)}\n`);
    renameSync(draft, this.#file);
  }
}

/** A file of an earlier version holds the figure alone: it serves until it is measured again. */
function readKept(file: string): KeptSpeed | null {
  try {
    const { pixelsPerSecond, machine = '', atRest = false, at = 0 } = JSON.parse(readFileSync(file, 'utf8'));
    const isFigure = Number.isSafeInteger(pixelsPerSecond) && pixelsPerSecond > 0;
    return isFigure ? { pixelsPerSecond, machine: String(machine), atRest: atRest === true, at: Number(at) } : null;
  } catch {
    return null;
  }
}
