import type { Rendition } from '../media/rendition.js';
import type { InitSegment } from './cmaf/init-segment.js';

/** What manifests and the journal need of a run's header; the rest of it is only for reading fragments. */
export type TrackFacts = Pick<InitSegment, 'kind' | 'timescale' | 'codecs' | 'width' | 'height' | 'sampleRate'>;

/** A run's header for one rendition. `bytes` is null once only the spool has it. */
export interface RunInit extends TrackFacts {
  readonly bytes: Buffer | null;
}

/** Where a run stands in its channel; fixed when every rendition has begun, or at the first segment that is closed before that. */
export interface RunPlace {
  /** A segment's number is this plus the grid slot it begins in: the same number is the same slot in every rendition. */
  readonly base: number;
  readonly firstNumber: number;
  /** Counts the channel's runs: the discontinuity sequence number (RFC 8216 §6.2.1) of the run's segments. */
  readonly discontinuity: number;
  /** The run's first picture on the broadcast's timeline, in whole milliseconds. */
  readonly zeroMs: number;
}

/** One life of the encoder within a broadcast. */
export interface LiveRun {
  readonly broadcastId: string;
  /** Counts from 1 within the broadcast; names the headers, `init-<run>.mp4`. */
  readonly run: number;
  /** Wall clock of the broadcast's timeline zero, epoch ms. */
  readonly startedAt: number;
  readonly timelineOffsetSec: number;
  readonly segmentSec: number;
  /** Segments begin at the multiples of `segmentSec`, but for the first one. Absent: wherever the source has keys, or not known. */
  readonly grid?: boolean;
  /** No part is longer, seconds: the part target of draft-pantos-hls-rfc8216bis-22 §4.4.3.7. Null: segments come whole. */
  readonly partSec: number | null;
  readonly renditions: readonly Rendition[];
  readonly inits: Map<string, RunInit>;
  place: RunPlace | null;
}

/** A piece of a segment that was announced before the segment was whole. Times in ticks. */
export interface SegmentPart {
  /** Counts from 0. */
  readonly index: number;
  readonly start: number;
  readonly duration: number;
  /** Decoding can start with it. */
  readonly independent: boolean;
  /** Where its bytes stand in the segment's. */
  readonly offset: number;
  readonly size: number;
}

/** A segment as the window lists it. Times in ticks of its track, as in its fragments. */
export interface LiveSegment {
  readonly number: number;
  readonly run: LiveRun;
  readonly rendition: string;
  readonly start: number;
  readonly duration: number;
  readonly timescale: number;
  readonly size: number;
  /** Its bytes are in the spool too. */
  readonly spooled: boolean;
  /** Nothing stands at its address: this rendition has no media in a slot where another one does (RFC 8216bis, EXT-X-GAP). */
  readonly gap: boolean;
  /** In order, and together all of its bytes; none where it came whole, or before a restart. */
  readonly parts: readonly SegmentPart[];
  /** Null: only the spool has them. */
  bytes: Buffer | null;
}

export const initName = (run: number): string => `init-${run}.mp4`;
export const segmentName = (number: number): string => `${number}.m4s`;
/** Part `index`, counted from 0, of segment `number`. */
export const partName = (number: number, index: number): string => `${number}.${index}.m4s`;

/** Epoch ms of the segment's first sample. */
export function wallClockOf({ run, start, timescale }: Pick<LiveSegment, 'run' | 'start' | 'timescale'>): number {
  return run.startedAt + (start / timescale - run.timelineOffsetSec) * 1000;
}
