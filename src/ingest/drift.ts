import type { TrackKind } from '../media/frame.js';

/**
 * Keeps an even but wrong source clock near the wall clock, and its sound near its picture.
 *
 * How late a frame comes (wall clock less its place) says little by itself: networks only ever add to it. So the *least*
 * lateness within a window counts. A burst after trouble leaves no trace there: once the backlog has arrived, frames are as
 * early as before. A clock that runs slow makes the least lateness rise window by window, one that runs fast makes it
 * fall. Within a second of the wall clock nothing is done. Beyond it, times are stretched or squeezed by up to two percent
 * until they are back. What stays more than two seconds late for three windows in a row is no network: the encoder
 * paused, and its frames are put on to the wall clock at once. Sound whose lateness wanders away from the picture's is led
 * back in the same gentle way.
 *
 * Lifetime: one source. Pure: reads no clock; holds a handful of numbers.
 */
export class Drift {
  readonly #least: Record<TrackKind, number> = { video: Number.POSITIVE_INFINITY, audio: Number.POSITIVE_INFINITY };
  /** For both tracks, by whichever is ahead, and for the sound besides. */
  readonly #both: Correction = { ms: 0, rate: 0, reachedMs: null };
  readonly #sound: Correction = { ms: 0, rate: 0, reachedMs: null };
  #windowEnd: number | null = null;
  #lateWindows = 0;
  /** How much later the sound comes than the picture, as first measured. */
  #usualLag: number | null = null;

  /** What to add to a time of that track, ms. `steadyMs`: the time before the correction. */
  correction(track: TrackKind, steadyMs: number): number {
    moveOn(this.#both, steadyMs);
    if (track === 'audio') moveOn(this.#sound, steadyMs);
    return this.value(track);
  }

  /** As `correction`, moving nothing on. */
  value(track: TrackKind): number {
    return track === 'audio' ? this.#both.ms + this.#sound.ms : this.#both.ms;
  }

  shift(byMs: number): void {
    this.#both.ms += byMs;
    this.#startWindow(null);
  }

  /** A frame was placed at `placedMs` when the wall clock stood at `nowMs`. */
  note(track: TrackKind, placedMs: number, nowMs: number): void {
    this.#windowEnd ??= nowMs + WINDOW_MS;
    if (nowMs - placedMs < this.#least[track]) this.#least[track] = nowMs - placedMs;
    if (nowMs < this.#windowEnd) return;
    this.#judge();
    this.#startWindow(nowMs);
  }

  #judge(): void {
    const { video, audio } = this.#least;
    const main = Number.isFinite(video) ? video : audio;
    this.#lateWindows = main > PAUSED_MS ? this.#lateWindows + 1 : 0;
    if (this.#lateWindows >= PAUSED_WINDOWS) {
      this.#lateWindows = 0;
      this.shift(main);
      return;
    }
    const over = Math.abs(main) > SLACK_MS ? main - Math.sign(main) * SLACK_MS : 0;
    const rate = gentle(over / SETTLE_MS);
    this.#both.rate = rate;
    this.#sound.rate = this.#lagRate(audio - video);
  }

  /** The sound's own correction, so that it comes as long after the picture as it did at first. */
  #lagRate(lag: number): number {
    if (!Number.isFinite(lag)) return 0;
    this.#usualLag ??= lag;
    const wandered = lag - this.#usualLag;
    return Math.abs(wandered) > LAG_SLACK_MS ? gentle((wandered - Math.sign(wandered) * LAG_SLACK_MS) / SETTLE_MS) : 0;
  }

  #startWindow(nowMs: number | null): void {
    this.#windowEnd = nowMs === null ? null : nowMs + WINDOW_MS;
    this.#least.video = Number.POSITIVE_INFINITY;
    this.#least.audio = Number.POSITIVE_INFINITY;
  }
}

interface Correction {
  ms: number;
  /** Ms of correction for each ms of media. */
  rate: number;
  /** The latest time that it was moved on to. */
  reachedMs: number | null;
}

const WINDOW_MS = 10_000;
const SLACK_MS = 1000;
/** The time in which a correction aims to be done: twice the window, so that it settles instead of swinging. */
const SETTLE_MS = 20_000;
const RATE_MAX = 0.02;
const PAUSED_MS = 2000;
const PAUSED_WINDOWS = 3;
/** Lips and words may be this far apart before anybody sees it (ITU-R BT.1359 puts it near 90 ms). */
const LAG_SLACK_MS = 60;

function moveOn(correction: Correction, steadyMs: number): void {
  const step = correction.reachedMs === null ? 0 : steadyMs - correction.reachedMs;
  if (step > 0) correction.ms += step * correction.rate;
  if (step >= 0) correction.reachedMs = steadyMs;
}

function gentle(rate: number): number {
  return Math.max(-RATE_MAX, Math.min(RATE_MAX, rate));
}
