import type { Rendition } from './rendition.js';

/**
 * What one finished packaging job made: enough to write every manifest without opening a media file.
 *
 * The objects stand under `prefix`: `init.mp4`, the segments, `playlist.m3u8` and, for video, `iframes.m3u8`.
 */
export interface PackagedRendition {
  readonly rendition: Rendition;
  /** Object key prefix, ending in `/`. */
  readonly prefix: string;
  /** RFC 6381, e.g. `avc1.64001f` or `mp4a.40.2`. */
  readonly codecs: string;
  /** Peak and average bits per second over the segments (RFC 8216 §4.3.4.2). */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
  readonly timescale: number;
  /** The segments `1.m4s`, `2.m4s`, … in order: presentation start and duration in units of 1/timescale second, and size in bytes. */
  readonly segments: readonly PackagedSegment[];
}

export interface PackagedSegment {
  readonly name: string;
  readonly start: number;
  readonly duration: number;
  readonly bytes: number;
}
