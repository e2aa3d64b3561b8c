import type { DecoderConfig, Frame } from '../../media/frame.js';
import type { SourceCue } from '../source-cue.js';

export const TIMESCALE = 90_000;

/** Where an elementary stream's configs and frames go; a track's config comes before its first frame. */
export interface StreamOutput {
  readonly onConfig: (config: DecoderConfig) => void;
  readonly onFrame: (frame: Frame) => void;
  /** Something is told beside the pictures. Absent: nobody listens. */
  readonly onCue?: (cue: SourceCue) => void;
  /** The stream is of a kind that can't be used: a sentence for the publisher. */
  readonly onFault: (message: string) => void;
}

/** Turns one elementary stream's PES payloads into frames. */
export interface ElementaryStream {
  /** The payload's bytes are valid during the call alone. Times are unwrapped 90 kHz; null where the PES packet had none. */
  unit(payload: Buffer, pts: number | null, dts: number | null): void;
  /** Bytes were lost before what comes next. */
  lost(): void;
}
