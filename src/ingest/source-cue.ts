import type { TimedMetadataKind } from '../media/timed-metadata.js';

/** What a source tells beside its pictures, by the source's own clock. */
export interface SourceCue {
  readonly kind: TimedMetadataKind;
  /** Presentation time in units of 1/`timescale` second, on the clock of the source's frames; null: now. */
  readonly time: number | null;
  readonly timescale: number;
  readonly data: Buffer;
}
