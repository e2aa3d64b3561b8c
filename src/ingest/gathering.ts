import type { Frame, TrackKind } from '../media/frame.js';
import { measureFrameRate } from './frame-rate.js';
import type { SourceMetadata } from './source-metadata.js';

/** This much media of one track without a frame of the other: a source of one track. */
const GRACE_MS = 1000;
/** Where the distance of keys is wanted: no second key within this is a distance too long. */
const KEYS_MS_MAX = 5000;
/** Keys closer together say nothing of how far apart they are: some encoders begin with several. */
export const KEYS_APART_MS_MIN = 200;
const BYTES_MAX = 8 * 1024 * 1024;
const FRAMES_MAX = 2000;
/** Enough to measure a frame rate from. */
const RATE_FRAMES = 8;

/** What has to be known of a source's pictures before its first feed. */
export interface Wanted {
  /** Nothing else says how fast the pictures follow. */
  readonly frameRate: boolean;
  readonly keyInterval: boolean;
}

/**
 * Holds a source's first frames until it is clear which tracks it has (and how fast its pictures and keys follow, where
 * that is wanted), so that the first feed needs no second.
 *
 * Lifetime: from the publisher's start to its first frame on the timeline. Bounded in media time, frames and bytes.
 */
export class Gathering {
  readonly #frames: Frame[] = [];
  readonly #times: Record<TrackKind, number[]> = { video: [], audio: [] };
  readonly #keys: number[] = [];
  #bytes = 0;

  add(frame: Frame): void {
    const ms = milliseconds(frame);
    this.#frames.push(frame);
    this.#times[frame.track].push(ms);
    if (frame.track === 'video' && frame.key && this.#isApart(ms)) this.#keys.push(ms);
    this.#bytes += frame.data.length;
  }

  #isApart(ms: number): boolean {
    const last = this.#keys.at(-1);
    return last === undefined || Math.abs(ms - last) >= KEYS_APART_MS_MIN;
  }

  get tracks(): Set<TrackKind> {
    const kinds: TrackKind[] = ['video', 'audio'];
    return new Set(kinds.filter((track) => this.#times[track].length > 0));
  }

  ready(metadata: SourceMetadata, wanted: Wanted): boolean {
    if (this.#bytes > BYTES_MAX || this.#frames.length >= FRAMES_MAX) return true;
    const { video, audio } = this.#times;
    if (wanted.keyInterval && video.length > 0 && this.#keys.length < 2) {
      return span(video) >= KEYS_MS_MAX || span(audio) >= KEYS_MS_MAX;
    }
    if (span(video) >= GRACE_MS || span(audio) >= GRACE_MS) return true;
    if (wanted.frameRate && video.length > 0 && video.length < RATE_FRAMES) return false;
    const { tracks } = this;
    return tracks.size === 2 || metadata.tracks?.every((track) => tracks.has(track)) === true;
  }

  measuredFrameRate(): number | null {
    return measureFrameRate(this.#times.video);
  }

  /** Between the last two keys, ms; null before the second. */
  get keyIntervalMs(): number | null {
    return this.#keys.length < 2 ? null : Math.round(Math.abs(span(this.#keys.slice(-2))));
  }

  take(): Frame[] {
    return this.#frames.splice(0);
  }
}

/** How long ago `frame` came, by the media times of what was held with it: ms, bounded like the gathering itself. */
export function ageOf(frame: Frame, held: readonly Frame[]): number {
  const newest = held.at(-1) ?? frame;
  return Math.round(Math.max(0, Math.min(KEYS_MS_MAX + GRACE_MS, milliseconds(newest) - milliseconds(frame))));
}

function milliseconds(frame: Frame): number {
  return (frame.dts * 1000) / frame.timescale;
}

/** A clock that jumped while gathering spans anything; that too ends the wait. */
function span(times: readonly number[]): number {
  return Math.abs((times.at(-1) ?? 0) - (times[0] ?? 0));
}
