import { TIMESCALE } from './elementary-stream.js';

/** Times of audio frames: from their unit's time where one begins in it, and else one frame after the one before. */
export class AudioClock {
  #next: number | null = null;

  /** The frame that begins next is the first one to begin in a unit with this time. */
  set(pts: number): void {
    this.#next = pts;
  }

  /** The next frame's time, whole 90 kHz ticks; null while none is known. `samples` at `sampleRate` Hz is how long it plays. */
  take(samples: number, sampleRate: number): number | null {
    if (this.#next === null) return null;
    const time = Math.round(this.#next);
    this.#next += (samples * TIMESCALE) / sampleRate;
    return time;
  }

  /** What comes next can't be placed before a new time comes. */
  forget(): void {
    this.#next = null;
  }
}
