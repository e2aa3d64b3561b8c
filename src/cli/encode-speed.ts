import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import { measureEncodeSpeed } from '../transcode/hardware.js';

/**
 * What this box encodes live, in luma pixels per second: by setting, else as measured once and kept in the data folder.
 *
 * Lifetime: known at once with a setting or a kept figure; else a careful assumption holds until the measurement, begun
 * when everything serves, is done.
 */
export class EncodeSpeed {
  /** One 720p30 rung: what any box that can stream at all sustains. */
  static readonly assumed = 1280 * 720 * 30;
  readonly #file: string;
  #pixelsPerSecond: number | null;

  constructor(options: { file: string; setting: number | null }) {
    this.#file = options.file;
    this.#pixelsPerSecond = options.setting ?? readKept(options.file);
  }

  get pixelsPerSecond(): number {
    return this.#pixelsPerSecond ?? EncodeSpeed.assumed;
  }

  /** Measures unless the figure is known; takes a few seconds of CPU. Never fails: the assumption stays. */
  async learn(options: { log: Log; binary: string; signal: AbortSignal }): Promise<void> {
    if (this.#pixelsPerSecond !== null) return;
    try {
      const measured = await measureEncodeSpeed(options);
      this.#pixelsPerSecond = measured;
      const draft = `${this.#file}.new`;
      writeFileSync(draft, `${JSON.stringify({ pixelsPerSecond: measured })}\n`);
      renameSync(draft, this.#file);
      options.log.info({ pixelsPerSecond: measured }, 'measured what this box can encode live');
    } catch (error) {
      if (!options.signal.aborted)
        options.log.warn({ reason: messageOf(error) }, 'the encode speed could not be measured');
    }
  }
}

function readKept(file: string): number | null {
  try {
    const { pixelsPerSecond } = JSON.parse(readFileSync(file, 'utf8'));
    return Number.isSafeInteger(pixelsPerSecond) && pixelsPerSecond > 0 ? pixelsPerSecond : null;
  } catch {
    return null;
  }
}
