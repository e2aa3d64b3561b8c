import type { Frame, TrackKind } from '../media/frame.js';

/**
 * One broadcast's clock: puts the frames of its source on a timeline in milliseconds that begins at 0 and never jumps.
 *
 * Lifetime: one broadcast. The first frame placed becomes 0. Each track remembers which offset leads from the source's
 * clock to ours. A frame that lands far from where its track (and the other track) stands shows that the source's clock
 * jumped: the frame then takes the place that was expected next. The other track, when it meets the same jump, takes over the
 * offset instead of guessing its own, and so audio and video stay in step to the millisecond.
 *
 * Pure: reads no clock.
 */
export class Timeline {
  readonly #tracks: Record<TrackKind, TrackClock> = { video: newClock(33), audio: newClock(21) };
  readonly #onRepair: (repair: ClockRepair) => void;

  constructor(onRepair: (repair: ClockRepair) => void = () => {}) {
    this.#onRepair = onRepair;
  }

  /**
   * The frame at its place (timescale 1000, dts strictly rising per track, pts ≥ dts), or null for one from before the
   * timeline's zero.
   */
  place(frame: Frame): Frame | null {
    const clock = this.#tracks[frame.track];
    const other = this.#tracks[frame.track === 'video' ? 'audio' : 'video'];
    const dts = Math.round((frame.dts * 1000) / frame.timescale);
    const raw = unwrap(dts, clock.raw ?? other.raw);
    const wanted = this.#steady(frame.track, raw, clock, other);
    if (wanted < 0) return null;
    const placed = clock.last === null ? wanted : Math.max(wanted, clock.last + 1);
    if (placed !== wanted) this.#onRepair({ track: frame.track, kind: 'order', byMs: placed - wanted });
    advance(clock, raw, placed);
    const cts = Math.round(((frame.pts - frame.dts) * 1000) / frame.timescale);
    return { ...frame, dts: placed, pts: Math.max(placed, wanted + cts), timescale: 1000 };
  }

  /** The frame's time by the first offset that fits; a new offset where none does. */
  #steady(track: TrackKind, raw: number, clock: TrackClock, other: TrackClock): number {
    for (const offset of [clock.offset, other.offset]) {
      if (offset === null || !fits(raw + offset, clock, other)) continue;
      clock.offset = offset;
      return raw + offset;
    }
    const next = expectedNext(clock, other);
    if (clock.offset !== null) this.#onRepair({ track, kind: 'jump', byMs: raw + clock.offset - next });
    clock.offset = next - raw;
    return next;
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
  last: number | null;
  /** The usual distance of two frames, ms. */
  step: number;
  offset: number | null;
}

/** Further ahead than this, and not where the other track is either: a jump. */
const JUMP_MS = 1000;
/** Decode times never fall within one clock; this much is rounding and jitter. */
const FALL_MS = 100;
const STEP_MAX_MS = 500;
/** RTMP and FLV count milliseconds in 32 bits, which come round after 49.7 days. */
const WRAP_MS = 2 ** 32;

const newClock = (step: number): TrackClock => ({ raw: null, last: null, step, offset: null });

function unwrap(dts: number, near: number | null): number {
  if (near === null) return dts;
  const distance = (((dts - near + WRAP_MS / 2) % WRAP_MS) + WRAP_MS) % WRAP_MS;
  return near + distance - WRAP_MS / 2;
}

function fits(at: number, clock: TrackClock, other: TrackClock): boolean {
  const besideOther = other.last !== null && Math.abs(at - other.last) <= JUMP_MS;
  if (clock.last === null) return besideOther;
  const drift = at - (clock.last + clock.step);
  if (drift < -FALL_MS) return false;
  return drift <= JUMP_MS || besideOther;
}

/** A track that fell silent while the other ran on resumes where the other stands. */
function expectedNext(clock: TrackClock, other: TrackClock): number {
  if (clock.last === null) return other.last ?? 0;
  const next = clock.last + clock.step;
  return other.last !== null && other.last - next > JUMP_MS ? other.last : next;
}

function advance(clock: TrackClock, raw: number, placed: number): void {
  const step = clock.last === null ? 0 : placed - clock.last;
  if (step > 1 && step <= STEP_MAX_MS) clock.step = step;
  clock.raw = raw;
  clock.last = placed;
}
