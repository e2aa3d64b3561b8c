import { expect } from 'vitest';
import { type FuzzResult, type FuzzTarget, runTarget } from './fuzz-run.js';
import { Watchdog } from './watchdog.js';

const INPUT_DEADLINE_MS = 8000;
const HANG_LIMIT_MS = 30_000;
/** Above what the process holds at the beginning: our own garbage, and whatever a parser keeps. */
const GROWTH_BYTES_MAX = 400 * 1024 * 1024;

/**
 * One file's run over its targets. `npm run fuzz` asks for many inputs and a seed of its own; `npm test` has a few, always the same.
 *
 * Lifetime: one test file, until `close`, which says what happened.
 */
export class FuzzSession {
  readonly #title: string;
  readonly #inputs: number;
  readonly #seed = Number(process.env.HEADWATER_FUZZ_SEED ?? 1);
  readonly #watchdog = new Watchdog(HANG_LIMIT_MS);
  readonly #results: FuzzResult[] = [];
  readonly #startBytes = process.memoryUsage.rss();

  /** `part`: of all the inputs that are asked for, 0 to 1. */
  constructor(title: string, part: number) {
    this.#title = title;
    this.#inputs = Number(process.env.HEADWATER_FUZZ_INPUTS ?? 3000) * part;
  }

  async run(targets: readonly FuzzTarget[]): Promise<void> {
    const shares = targets.reduce((sum, { share }) => sum + share, 0);
    const [seed, watchdog, deadlineMs] = [this.#seed, this.#watchdog, INPUT_DEADLINE_MS];
    for (const target of targets) {
      const inputs = Math.ceil((this.#inputs * target.share) / shares);
      const result = await runTarget(target, { seed, inputs, watchdog, deadlineMs });
      this.#results.push(result);
      expect(result.peakBytes - this.#startBytes, `memory after ${target.name}`).toBeLessThan(GROWTH_BYTES_MAX);
    }
  }

  async close(): Promise<void> {
    await this.#watchdog.close();
    const total = this.#results.reduce((sum, { inputs }) => sum + inputs, 0);
    const head = `${this.#title}: seed ${this.#seed}, ${total} inputs, ${mebibytes(this.#startBytes)} at the start`;
    process.stdout.write([head, ...this.#results.map(lineOf), ''].join('\n'));
  }
}

function lineOf({ name, inputs, refused, slowestMs, peakBytes }: FuzzResult): string {
  return `  ${name}: ${inputs} inputs, ${refused} refused, slowest ${slowestMs.toFixed(1)} ms, peak ${mebibytes(peakBytes)}`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
