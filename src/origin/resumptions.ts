import type { LiveRun, LiveSegment } from './live-segment.js';
import type { RenditionWindow } from './rendition-window.js';

/** Where a rendition goes on behind a gap within its run. */
export interface Resumption {
  readonly number: number;
  /** On the run's timeline, ms. */
  readonly startMs: number;
}

/** Where it begins, and of which run it is. */
export type ResumedAt = Pick<LiveSegment, 'number' | 'run' | 'start' | 'timescale'>;

/**
 * Where renditions went on behind gaps, for manifests that begin another period there: they remember it for as long as anything
 * behind it is known, so that a period keeps its name when the gap before it is forgotten.
 *
 * Lifetime: a window's. Bounded by what the window knows.
 */
export class Resumptions {
  readonly #byRun = new Map<LiveRun, Resumption[]>();

  /** In order. */
  of(run: LiveRun): readonly Resumption[] {
    return this.#byRun.get(run) ?? [];
  }

  note({ number, run, start, timescale }: ResumedAt): void {
    const known = this.#byRun.get(run) ?? [];
    if (known.some((each) => each.number === number)) return;
    const startMs = Math.round((start / timescale - run.timelineOffsetSec) * 1000);
    this.#byRun.set(
      run,
      [...known, { number, startMs }].sort((a, b) => a.number - b.number),
    );
  }

  /** Forgets runs that have left, and all but the last resumption before anything that is known. */
  prune(runs: readonly LiveRun[], renditions: readonly RenditionWindow[]): void {
    const oldest = Math.min(...renditions.flatMap(({ known }) => known[0]?.number ?? []));
    for (const [run, known] of this.#byRun) {
      if (!runs.includes(run)) this.#byRun.delete(run);
      else
        this.#byRun.set(
          run,
          known.slice(
            Math.max(
              0,
              known.findLastIndex(({ number }) => number <= oldest),
            ),
          ),
        );
    }
  }
}
