/**
 * What live transcoding needs of whoever cuts its fragments into segments: a byte protocol, so that it can as well
 * travel between boxes. Each rendition's bytes are one fragmented MP4 (CMAF, ISO/IEC 23000-19): an initialization
 * segment, then `moof`+`mdat` pairs; writes are cut anywhere.
 */
import type { Writable } from 'node:stream';
import type { Rendition } from '../media/rendition.js';

export interface FragmentSink {
  /** One process, or one pass of the source's own frames, is one run. A broadcast's second run is a discontinuity; runs never overlap. */
  openRun(run: RunStart): RunSink;
  /** Everything that will come has come. */
  endBroadcast(broadcastId: string): void;
}

export interface RunStart {
  readonly channel: string;
  readonly broadcastId: string;
  /** Wall clock of the timeline's zero, epoch ms. */
  readonly startedAt: number;
  /** Presentation time in the fragments = timeline seconds + this. */
  readonly timelineOffsetSec: number;
  /**
   * `grid`: keys stand on multiples of `segmentSec` of the broadcast's timeline. `keys`: they stand where the source has
   * them; the first video rendition's decide, and those of the others stand at the same times.
   */
  readonly cut: 'grid' | 'keys';
  /** The step of the grid, seconds; with `keys` the target duration, whole seconds. */
  readonly segmentSec: number;
  /** With `keys`: how far apart the source's are at most, as far as is known, seconds; 0 with `grid`. */
  readonly keyIntervalSec: number;
  /**
   * How long a part is at most, seconds. A picture's fragment is a part, of a whole number of pictures; it ends at a key, and
   * is longer only where one picture is, or where pictures encoded beside a source that is passed through come unsteadily.
   * Sound comes a few frames to a fragment: parts are to be made of them.
   */
  readonly partSec: number;
  /** Highest video rung first, audio last. */
  readonly renditions: readonly Rendition[];
}

export interface RunSink {
  /**
   * Asked once for each rendition. One that cannot use its bytes is destroyed, and the run is started again. Media from
   * before the place that an abandoned run reached is left out.
   */
  rendition(id: string): Writable;
  /** This run is over and all its bytes have been taken; open segments are closed as they stand. */
  end(): void;
  /**
   * This run was cut off, and another may make the rest: its open segments are forgotten.
   *
   * @returns the place on the timeline, ms, from which the next run is wanted; null: from wherever it can.
   */
  abandon(): number | null;
}
