import { element, isoTime } from './xml.js';

/** How far behind the live edge players should be, seconds (ISO/IEC 23009-1 Annex K.3.2). */
export interface LatencyTarget {
  readonly targetSec: number;
  readonly minSec: number;
  readonly maxSec: number;
}

/**
 * Segments that begin at even distances, and can be had while they are made. Players then know the addresses of those to come,
 * and need not ask for the manifest before each.
 */
export interface DashGrid {
  readonly segmentSec: number;
  /** A chunk is no longer, seconds. */
  readonly partSec: number;
  /** How long before its end a segment can be asked for, seconds. */
  readonly availabilityOffsetSec: number;
  /** Wall clock of the period's start at the encoder, epoch ms. */
  readonly wallClockMs: number;
}

/** Of grids, whatever their media has: no multiple of a segment's length is off by more than half a microsecond for each. */
export const GRID_TIMESCALE = 1_000_000;
/** Changes of speed that are not heard. */
const RATE = { min: 0.96, max: 1.04 };

export function serviceDescription({ targetSec, minSec, maxSec }: LatencyTarget): string {
  const ms = (seconds: number) => Math.round(seconds * 1000);
  const latency = { referenceId: 0, target: ms(targetSec), min: ms(minSec), max: ms(maxSec) };
  return element('ServiceDescription', { id: 0 }, [element('Latency', latency), element('PlaybackRate', RATE)]);
}

/**
 * What is said of a set of tracks: when a time of theirs was at the encoder (§5.12), and how far apart the places are at which a
 * reader can begin to parse (§5.3.13): the chunks. Pictures cannot be decoded from each of them (type 0).
 *
 * @param offset the media time that is the period's start, in ticks of `GRID_TIMESCALE`.
 */
export function gridElements(
  kind: 'video' | 'audio',
  set: number,
  { partSec, wallClockMs }: DashGrid,
  offset: number,
  clock: string,
): string[] {
  const time = {
    id: set,
    // One time holds for all of a run: its chunks say nothing of their own (prft).
    inband: 'false',
    type: 'encoder',
    wallClockTime: isoTime(wallClockMs),
    presentationTime: offset,
  };
  const dT = Math.ceil(partSec * GRID_TIMESCALE);
  return [
    element('ProducerReferenceTime', time, [clock]),
    element('Resync', { type: kind === 'video' ? 0 : 1, dT, marker: 'true' }),
  ];
}

/** §5.3.9.5.3: the number counts even distances. */
export function gridAttributes({ segmentSec, availabilityOffsetSec }: DashGrid, offset: number) {
  return {
    timescale: GRID_TIMESCALE,
    presentationTimeOffset: offset,
    duration: Math.round(segmentSec * GRID_TIMESCALE),
    ...(availabilityOffsetSec > 0
      ? { availabilityTimeOffset: Number(availabilityOffsetSec.toFixed(3)), availabilityTimeComplete: 'false' }
      : {}),
  };
}
