import type { Frame, TrackKind } from '../media/frame.js';
import { Drift } from './drift.js';

/**
 * One source's clock: puts its frames on the channel's timeline, in milliseconds, without jumps.
 *
 * Lifetime: one source. The first frame placed stands at `startMs`. Each track remembers which offset leads from the
 * source's clock to ours. A frame that lands far from where its track (and the other track) stands shows that the source's
 * clock jumped: it then takes the place that was expected next. The other track, when it meets the same jump, takes over the
 * offset instead of guessing its own, and so audio and video stay in step to the millisecond. A gap in the times that is as
 * long as the wait for the frame was is no jump. What is even but too fast or too slow is left to `Drift`.
 *
 * Pure: reads no clock. `nowMs` is the wall clock's place on the same timeline when the frame came.
 */
export class Timeline {
  readonly #startMs: number;
  readonly #tracks: Record<TrackKind, TrackClock> = { video: newClock(33), audio: newClock(21) };
  readonly #drift = new Drift();
  readonly #onRepair: (repair: ClockRepair) => void;

  constructor(startMs: number, onRepair: (repair: ClockRepair) => void = () => {}) {
    this.#startMs = startMs;
    this.#onRepair = onRepair;
  }

  /**
   * The frame at its place (timescale 1000, dts strictly rising per track, pts ≥ dts), or null for one from before the
   * source's start.
   */
  place(frame: Frame, nowMs: number): Frame | null {
    const { track, codec, key, data } = frame;
    const clock = this.#tracks[track];
    const other = this.#tracks[track === 'video' ? 'audio' : 'video'];
    const raw = unwrap(Math.round((frame.dts * 1000) / frame.timescale), clock.raw ?? other.raw);
    const steady = this.#steady(track, raw, clock, other, nowMs);
    if (steady < this.#startMs) return null;
    advance(clock, raw, clock.steady === null ? steady : Math.max(steady, clock.steady + 1), nowMs);
    const wanted = Math.round(steady + this.#drift.correction(track, steady));
    const dts = clock.placed === null ? wanted : Math.max(wanted, clock.placed + 1);
    if (dts - wanted > ROUNDING_MS) this.#onRepair({ track, kind: 'order', byMs: dts - wanted });
    clock.placed = dts;
    this.#drift.note(track, dts, nowMs);
    const cts = Math.round(((frame.pts - frame.dts) * 1000) / frame.timescale);
    return { track, codec, dts, pts: Math.max(dts, wanted + cts), timescale: 1000, key, data };
  }

  /**
   * Where a time of the source's clock stands, by the offset that its picture (else its sound) has now, whole ms. Null: nothing
   * has been placed yet. `time` null: where the newest picture stands.
   */
  placeOf(time: number | null, timescale: number): number | null {
    const track: TrackKind = this.#tracks.video.offset === null ? 'audio' : 'video';
    const { offset, raw } = this.#tracks[track];
    if (offset === null || raw === null) return null;
    const ms = time === null ? raw : unwrap(Math.round((time * 1000) / timescale), raw);
    return Math.round(ms + offset + this.#drift.value(track));
  }

  /** What comes from now on stands `byMs` (≥ 0) later: its place was taken by another source meanwhile. */
  shift(byMs: number): void {
    this.#drift.shift(byMs);
  }

  /** The frame's time by the first offset that fits; a new offset where none does. */
  #steady(track: TrackKind, raw: number, clock: TrackClock, other: TrackClock, nowMs: number): number {
    for (const offset of [clock.offset, other.offset]) {
      if (offset === null || !this.#fits(raw + offset, track, clock, other, nowMs)) continue;
      clock.offset = offset;
      return raw + offset;
    }
    const next = this.#expectedNext(clock, other, nowMs);
    if (clock.offset !== null) this.#onRepair({ track, kind: 'jump', byMs: raw + clock.offset - next });
    clock.offset = next - raw;
    return next;
  }

  #fits(at: number, track: TrackKind, clock: TrackClock, other: TrackClock, nowMs: number): boolean {
    const besideOther = other.steady !== null && Math.abs(at - other.steady) <= JUMP_MS;
    if (clock.steady === null) return besideOther;
    const ahead = at - (clock.steady + clock.step);
    // By the last time, not by the usual distance: one long gap would make every frame after it look like a fall.
    if (at - clock.steady < -FALL_MS) return false;
    if (ahead <= JUMP_MS || besideOther) return true;
    return ahead <= nowMs - clock.cameAt + JUMP_MS && at + this.#drift.value(track) <= nowMs + JUMP_MS;
  }

  /** A track that fell silent resumes where the other stands, or where the wall clock has come to meanwhile. */
  #expectedNext(clock: TrackClock, other: TrackClock, nowMs: number): number {
    if (clock.steady === null) return other.steady ?? this.#startMs;
    const waited = nowMs - clock.cameAt;
    const next = clock.steady + (waited > JUMP_MS ? Math.round(waited) : clock.step);
    return other.steady !== null && other.steady - next > JUMP_MS ? other.steady : next;
  }
}

export interface ClockRepair {
  readonly track: TrackKind;
  /** `jump`: the source's clock jumped by `byMs`; `order`: a decode time fell, and was pushed on by `byMs`. */
  readonly kind: 'jump' | 'order';
  readonly byMs: number;
}

interface TrackClock {
  /** The source's last time, unwrapped; null before the first frame. */
  raw: number | null;
  /** The last time after repair of jumps, before the correction of drift. */
  steady: number | null;
  placed: number | null;
  /** When the last frame came, ms of the timeline by the wall clock. */
  cameAt: number;
  /** The usual distance of two frames, ms. */
  step: number;
  offset: number | null;
}

/** Further ahead than this, and neither where the other track nor where the wall clock is: a jump. */
const JUMP_MS = 1000;
/** Decode times never fall within one clock; this much is rounding and jitter. */
const FALL_MS = 100;
const STEP_MAX_MS = 500;
/** A gentle correction rounds to whole milliseconds; that is no fault of the source's order. */
const ROUNDING_MS = 1;
/** RTMP and FLV count milliseconds in 32 bits, which come round after 49.7 days; other wraps are repaired as jumps. */
const WRAP_MS = 2 ** 32;

const newClock = (step: number): TrackClock => ({
  raw: null,
  steady: null,
  placed: null,
  cameAt: 0,
  step,
  offset: null,
});

function unwrap(dts: number, near: number | null): number {
  if (near === null) return dts;
  const distance = (((dts - near + WRAP_MS / 2) % WRAP_MS) + WRAP_MS) % WRAP_MS;
  return near + distance - WRAP_MS / 2;
}

function advance(clock: TrackClock, raw: number, steady: number, nowMs: number): void {
  const step = clock.steady === null ? 0 : steady - clock.steady;
  if (step > 1 && step <= STEP_MAX_MS) clock.step = step;
  clock.raw = raw;
  clock.steady = steady;
  clock.cameAt = nowMs;
}
