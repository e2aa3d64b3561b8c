import { setImmediate } from 'node:timers/promises';
import { Random } from './random.js';
import type { Watchdog } from './watchdog.js';

/** One parser or port. */
export interface FuzzTarget {
  readonly name: string;
  /** Its part of all the inputs, beside the other targets' parts. */
  readonly share: number;
  /**
   * Makes one input and feeds it. False where it was refused (an error that the parser is meant to give); throws where
   * something is wrong. The same `random` must make the same input.
   */
  attempt(random: Random): boolean | Promise<boolean>;
  /** Looks at what the inputs have left behind; throws where something is wrong. */
  finish?(): Promise<void>;
}

export interface FuzzRunOptions {
  readonly seed: number;
  readonly inputs: number;
  readonly watchdog: Watchdog;
  /** An input that takes longer has failed. */
  readonly deadlineMs: number;
}

export interface FuzzResult {
  readonly name: string;
  readonly inputs: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** Resident bytes at their highest. */
  readonly peakBytes: number;
}

const LOOK_EVERY = 32;

/** Feeds a target its inputs, one after the other. Throws at the first that fails, and says how to make it again. */
export async function runTarget(target: FuzzTarget, options: FuzzRunOptions): Promise<FuzzResult> {
  const { seed, inputs, watchdog, deadlineMs } = options;
  let [refused, slowestMs, peakBytes] = [0, 0, 0];
  for (let index = 0; index < inputs; index++) {
    const name = `${target.name} #${index} of seed ${seed}`;
    watchdog.beat(name);
    const begun = performance.now();
    const taken = await attempt(target, Random.of(seed, target.name, index), name);
    const tookMs = performance.now() - begun;
    if (!taken) refused++;
    if (tookMs > deadlineMs) throw new Error(`${name} took ${Math.round(tookMs)} ms`);
    slowestMs = Math.max(slowestMs, tookMs);
    if (index % LOOK_EVERY !== 0) continue;
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    await setImmediate();
  }
  watchdog.beat(`${target.name}'s end`);
  await target.finish?.();
  return { name: target.name, inputs, refused, slowestMs, peakBytes };
}

async function attempt(target: FuzzTarget, random: Random, name: string): Promise<boolean> {
  try {
    return await target.attempt(random);
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
