import type { Fragment } from './fragment.js';
import { sliceFragment } from './fragment-split.js';

/** Half a tick: lengths in seconds are rounded to ticks somewhere. */
const TOLERANCE_TICKS = 0.5;

/**
 * Collects sound's frames into groups of fragments that go under one `moof` each: as long as they get within the limit. Where
 * a frame is up to a seventh of the limit, no group but the last of a segment is shorter than 85% of it.
 *
 * Life: `add` as fragments come, `take` at a segment's end. It holds less than one group.
 */
export class SoundParts {
  readonly #limit: number;
  #waiting: Fragment[] = [];
  #ticks = 0;

  /** @param limitTicks no group is longer, unless a single frame is. */
  constructor(limitTicks: number) {
    this.#limit = limitTicks + TOLERANCE_TICKS;
  }

  /** The groups that are complete with these frames. */
  *add(fragment: Fragment): Generator<Fragment[]> {
    const last = this.#waiting.at(-1);
    if (last !== undefined && fragment.decodeTime !== last.decodeTime + last.duration) yield this.take();
    let rest = fragment;
    for (let fits = this.#fitting(rest); fits < rest.samples.length; fits = this.#fitting(rest)) {
      if (fits > 0) this.#hold(sliceFragment(rest, 0, fits));
      rest = sliceFragment(rest, fits, rest.samples.length);
      yield this.take();
    }
    this.#hold(rest);
    // No further frame of this length fits: there is nothing to wait for.
    if (this.#ticks + (rest.samples.at(-1)?.duration ?? 0) > this.#limit) yield this.take();
  }

  /** What is held, possibly nothing. */
  take(): Fragment[] {
    const taken = this.#waiting;
    this.#waiting = [];
    this.#ticks = 0;
    return taken;
  }

  #hold(fragment: Fragment): void {
    this.#waiting.push(fragment);
    this.#ticks += fragment.duration;
  }

  /** How many of its samples still go into the group; one at least into an empty one. */
  #fitting({ samples }: Fragment): number {
    let ticks = this.#ticks;
    for (const [index, { duration }] of samples.entries()) {
      ticks += duration;
      if (ticks > this.#limit) return Math.max(index, this.#waiting.length === 0 ? 1 : 0);
    }
    return samples.length;
  }
}
