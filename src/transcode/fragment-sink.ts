/**
 * What live transcoding needs of whoever cuts its fragments into segments: a byte protocol, so that it can as well
 * travel between boxes. Each rendition's bytes are one fragmented MP4 (CMAF, ISO/IEC 23000-19): an initialization
 * segment, then `moof`+`mdat` pairs; writes are cut anywhere.
 */
import type { Writable } from 'node:stream';
import type { Rendition } from '../media/rendition.js';

export interface FragmentSink {
  /** One ffmpeg process is one run. A broadcast's second run is a discontinuity; runs never overlap. */
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
  /** Keys stand on this grid of the broadcast's timeline, seconds. */
  readonly segmentSec: number;
  /** Highest video rung first, audio last. */
  readonly renditions: readonly Rendition[];
}

export interface RunSink {
  /** Asked once for each rendition. One that cannot use its bytes is destroyed, and the run is started again. */
  rendition(id: string): Writable;
  /** This run is over and all its bytes have been taken; open segments are closed as they stand. */
  end(): void;
}
