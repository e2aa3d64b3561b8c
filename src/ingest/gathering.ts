import type { Frame, TrackKind } from '../media/frame.js';
import { measureFrameRate } from './frame-rate.js';
import type { SourceMetadata } from './source-metadata.js';

/** This much media of one track without a frame of the other: a source of one track. */
const GRACE_MS = 1000;
const BYTES_MAX = 8 * 1024 * 1024;
const FRAMES_MAX = 1000;
/** Enough to measure a frame rate from. */
const RATE_FRAMES = 8;

/**
 * Holds a broadcast's first frames until it is clear which tracks it has (and how fast its pictures follow, where nothing
 * else says so), so that the first feed needs no second.
 *
 * Lifetime: from the publisher's start to the first feed's. Bounded in media time, frames and bytes.
 */
export class Gathering {
  readonly #frames: Frame[] = [];
  #bytes = 0;

  add(frame: Frame): void {
    this.#frames.push(frame);
    this.#bytes += frame.data.length;
  }

  get tracks(): Set<TrackKind> {
    return new Set(this.#frames.map((frame) => frame.track));
  }

  /** `needsRate`: the video's frame rate is not known yet. */
  ready(metadata: SourceMetadata, needsRate: boolean): boolean {
    if (this.#bytes > BYTES_MAX || this.#frames.length >= FRAMES_MAX) return true;
    const video = this.#times('video');
    const audio = this.#times('audio');
    if (span(video) >= GRACE_MS || span(audio) >= GRACE_MS) return true;
    if (needsRate && video.length > 0 && video.length < RATE_FRAMES) return false;
    const tracks = this.tracks;
    return tracks.size === 2 || metadata.tracks?.every((track) => tracks.has(track)) === true;
  }

  measuredFrameRate(): number | null {
    return measureFrameRate(this.#times('video'));
  }

  take(): Frame[] {
    this.#bytes = 0;
    return this.#frames.splice(0);
  }

  #times(track: TrackKind): number[] {
    return this.#frames.filter((frame) => frame.track === track).map(milliseconds);
  }
}

/** How long ago `frame` came, by the media times of what was held with it: ms, at most twice the grace. */
export function ageOf(frame: Frame, held: readonly Frame[]): number {
  const newest = held.at(-1) ?? frame;
  return Math.round(Math.max(0, Math.min(2 * GRACE_MS, milliseconds(newest) - milliseconds(frame))));
}

function milliseconds(frame: Frame): number {
  return (frame.dts * 1000) / frame.timescale;
}

/** A clock that jumped while gathering spans anything; that too ends the wait. */
function span(times: readonly number[]): number {
  return Math.abs((times.at(-1) ?? 0) - (times[0] ?? 0));
}
