import type { TrackKind } from '../../../media/frame.js';
import { Counter } from './counter.js';

interface TrackClock {
  readonly counter: Counter;
  /** Units per second. */
  readonly rate: number;
  /** From the stream's time to ours, ms; null before the first packet. */
  offsetMs: number | null;
  /** From the stream's time to the sender's wall clock, ms; null before the first report. */
  senderMs: number | null;
  /** The last frame's time on the stream, ms. */
  lastMs: number;
}

export const CLOCK_RATE: Record<TrackKind, number> = { video: 90_000, audio: 48_000 };

/** Share of the time played by which the sound may be moved without being heard. */
const SLEW = 0.05;
/** More than this is moved at once. */
const STEP_MS = 1000;
/** Further apart than this, the reports of the two streams are not of one clock. */
const OFFSET_MAX_MS = 30_000;

/**
 * One source's time for its two streams, whose timestamps begin anywhere (RFC 3550 §5.1).
 *
 * Each stream is placed by the arrival of its first packet. Once sender reports of both have told how their clocks relate
 * (§6.4.1), the sound is moved towards where it belongs beside the picture, in small steps; later reports follow the drift
 * of the two clocks.
 *
 * Lifetime: one session; a stream that changes its source begins anew by `restart`.
 */
export class SourceClock {
  readonly #tracks: Record<TrackKind, TrackClock> = { video: newClock('video'), audio: newClock('audio') };

  /** The frame's time in units of the track's clock rate. `arrivalMs`: of its packet, on any clock that never falls. */
  place(track: TrackKind, timestamp: number, arrivalMs: number): number {
    const clock = this.#tracks[track];
    const time = clock.counter.extend(timestamp);
    const timeMs = (time / clock.rate) * 1000;
    clock.offsetMs ??= arrivalMs - timeMs;
    if (track === 'audio') this.#follow(clock, timeMs);
    clock.lastMs = timeMs;
    return time + Math.round((clock.offsetMs * clock.rate) / 1000);
  }

  report(track: TrackKind, timestamp: number, ntpMs: number): void {
    const clock = this.#tracks[track];
    if (clock.offsetMs === null) return;
    clock.senderMs = ntpMs - (clock.counter.near(timestamp) / clock.rate) * 1000;
  }

  restart(track: TrackKind): void {
    this.#tracks[track] = newClock(track);
  }

  #follow(audio: TrackClock, timeMs: number): void {
    const { video } = this.#tracks;
    if (audio.offsetMs === null || audio.senderMs === null || video.offsetMs === null || video.senderMs === null)
      return;
    const error = video.offsetMs + audio.senderMs - video.senderMs - audio.offsetMs;
    if (Math.abs(error) > OFFSET_MAX_MS) return;
    const step = Math.abs(error) > STEP_MS ? Number.POSITIVE_INFINITY : Math.max(0, timeMs - audio.lastMs) * SLEW;
    audio.offsetMs += Math.max(-step, Math.min(step, error));
  }
}

function newClock(track: TrackKind): TrackClock {
  return { counter: new Counter(32), rate: CLOCK_RATE[track], offsetMs: null, senderMs: null, lastMs: 0 };
}
