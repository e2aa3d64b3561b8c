/**
 * Gives blocks of sound their exact times: the feed rounds them to milliseconds, a block of AAC is so many samples.
 *
 * Blocks follow one another without a gap as long as the feed's times agree within `JITTER_MS`. A clock that drifts is followed
 * by a few samples a block; sound that is missing leaves a gap; sound that comes twice is dropped. Each block is a fragment:
 * whoever cuts them into segments makes parts of them, and these begin anew at each cut.
 */
import type { BlockItem } from '../feed/matroska-reader.js';
import type { TimedSamples } from './video-samples.js';

/** Milliseconds are rounded, and publishers' stamps wander. */
const JITTER_MS = 30;
/** Further off than this is no drift but a hole, or a repetition. */
const HOLE_MS = 120;
/** Of a block's samples; at 48 kHz this follows a clock that is off by a third of a percent, and nobody hears it. */
const DRIFT_PER_BLOCK = 1 / 300;

export class AudioSamples {
  readonly #ticksPerMs: number;
  readonly #blockTicks: number;
  /** Where the next block belongs, ticks; null before the first. */
  #next: number | null = null;

  /** The track's ticks are the sound's own samples; a block has `blockSamples` of them. */
  constructor(options: { sampleRate: number; blockSamples: number }) {
    this.#ticksPerMs = options.sampleRate / 1000;
    this.#blockTicks = options.blockSamples;
  }

  /** The block as a fragment; none where it comes twice. */
  add({ timeMs, payload }: BlockItem): TimedSamples[] {
    const wanted = Math.round(timeMs * this.#ticksPerMs);
    const next = this.#next ?? wanted;
    const offMs = (wanted - next) / this.#ticksPerMs;
    if (offMs < -HOLE_MS) return [];
    const start = offMs > HOLE_MS ? wanted : next;
    const duration = this.#blockTicks + (Math.abs(offMs) > HOLE_MS ? 0 : this.#drift(offMs));
    const size = payload.reduce((sum, piece) => sum + piece.length, 0);
    this.#next = start + duration;
    return [{ decodeTime: start, samples: [{ duration, compositionOffset: 0, key: true, payload, size }] }];
  }

  /** Nothing is ever held. */
  flush(): TimedSamples[] {
    return [];
  }

  #drift(offMs: number): number {
    if (Math.abs(offMs) <= JITTER_MS) return 0;
    return Math.sign(offMs) * Math.ceil(this.#blockTicks * DRIFT_PER_BLOCK);
  }
}
