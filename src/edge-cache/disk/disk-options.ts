import type { Log } from '../../telemetry/log.js';
import type { DiskMetrics } from './disk-metrics.js';
import type { Files } from './files.js';

/** One folder of the cache, and how much may be kept there. */
export interface DiskPlace {
  readonly folder: string;
  readonly bytesMax: number;
}

export interface DiskLimits {
  /** A segment file; none is larger. */
  readonly segmentBytes: number;
  /** Waiting to be written. */
  readonly queueBytesMax: number;
  /** Objects that a disk's index may hold. */
  readonly objectsMax: number;
  /** The longest that one read may take. */
  readonly readMs: number;
  /** A disk that failed rests so long, then twice as long each time, up to `restMsMax`. */
  readonly restMs: number;
  readonly restMsMax: number;
}

export interface DiskOptions extends DiskPlace {
  readonly limits: DiskLimits;
  readonly files: Files;
  readonly log: Log;
  readonly metrics: DiskMetrics;
  /** Epoch ms. */
  readonly now: () => number;
}

const mebibyte = 1024 * 1024;
const segmentBytesMin = 2 * mebibyte;
const segmentBytesMax = 128 * mebibyte;

/** A sixteenth of the disk at most, for one goes at a time; small enough to be scanned at once where a crash left it without an index. */
export function defaultLimits(bytesMax: number): DiskLimits {
  const segmentBytes = Math.min(segmentBytesMax, Math.max(segmentBytesMin, Math.floor(bytesMax / 16)));
  return {
    segmentBytes,
    queueBytesMax: Math.min(64 * mebibyte, 2 * segmentBytes),
    objectsMax: 4_000_000,
    readMs: 5_000,
    restMs: 1_000,
    restMsMax: 300_000,
  };
}
