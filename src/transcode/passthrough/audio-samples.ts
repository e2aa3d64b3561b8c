/**
 * Gives blocks of sound their exact times: the feed rounds them to milliseconds, a block of AAC is so many samples.
 *
 * Blocks follow one another without a gap as long as the feed's times agree within `JITTER_MS`. A clock that drifts is followed
 * by a few samples a block; sound that is missing is silence, since players stall at a gap; sound that comes twice is dropped. Each
 * block is a fragment: whoever cuts them into segments makes parts of them, and these begin anew at each cut.
 */
import type { BlockItem } from '../feed/matroska-reader.js';
import { aacSilence } from './aac-silence.js';
import type { TimedSamples } from './video-samples.js';

/** Milliseconds are rounded, and publishers' stamps wander. */
const JITTER_MS = 30;
/** Further off than this is no drift but a hole, or a repetition. */
const HOLE_MS = 120;
/** A longer hole stays one: it is no accident of the way here, and could be of any length. */
const FILLED_MS_MAX = 5000;
/** Of a block's samples; at 48 kHz this follows a clock that is off by a third of a percent, and nobody hears it. */
const DRIFT_PER_BLOCK = 1 / 300;

export class AudioSamples {
  readonly #ticksPerMs: number;
  readonly #blockTicks: number;
  readonly #silence: Buffer;
  /** Where the next block belongs, ticks; null before the first. */
  #next: number | null = null;

  /** The track's ticks are the sound's own samples; a block has `blockSamples` of them. */
  constructor(options: { sampleRate: number; blockSamples: number; channels: number }) {
    this.#ticksPerMs = options.sampleRate / 1000;
    this.#blockTicks = options.blockSamples;
    this.#silence = aacSilence(options.channels);
  }

  /** The block as a fragment, behind silence where some before it is missing; none where it comes twice. */
  add({ timeMs, payload }: BlockItem): TimedSamples[] {
    const wanted = Math.round(timeMs * this.#ticksPerMs);
    const offMs = this.#offMs(wanted);
    if (offMs < -HOLE_MS) return [];
    if (offMs > FILLED_MS_MAX) this.#next = wanted;
    const before = offMs > HOLE_MS ? this.#fill(wanted) : [];
    return [...before, this.#place(payload, this.#next ?? wanted, this.#drift(this.#offMs(wanted)))];
  }

  /** Nothing is ever held. */
  flush(): TimedSamples[] {
    return [];
  }

  #offMs(wanted: number): number {
    return (wanted - (this.#next ?? wanted)) / this.#ticksPerMs;
  }

  /** Up to half a block off where it should end. */
  #fill(wanted: number): TimedSamples[] {
    const from = this.#next ?? wanted;
    const count = Math.round((wanted - from) / this.#blockTicks);
    return Array.from({ length: count }, (_, index) =>
      this.#place([this.#silence], from + index * this.#blockTicks, 0),
    );
  }

  #place(payload: readonly Buffer[], start: number, drift: number): TimedSamples {
    const duration = this.#blockTicks + drift;
    const size = payload.reduce((sum, piece) => sum + piece.length, 0);
    this.#next = start + duration;
    return { decodeTime: start, samples: [{ duration, compositionOffset: 0, key: true, payload, size }] };
  }

  #drift(offMs: number): number {
    if (Math.abs(offMs) <= JITTER_MS || Math.abs(offMs) > HOLE_MS) return 0;
    return Math.sign(offMs) * Math.ceil(this.#blockTicks * DRIFT_PER_BLOCK);
  }
}
