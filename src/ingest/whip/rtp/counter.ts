/**
 * A counter that wraps, continued without wrapping: RTP's 16-bit sequence numbers and 32-bit timestamps.
 *
 * Each value is taken as the one nearest to the last, so it may also go back (RFC 3550 §A.1 reads cycles the same way).
 * Lifetime: one synchronization source.
 */
export class Counter {
  readonly #size: number;
  #last: number | null = null;

  constructor(bits: 16 | 32) {
    this.#size = 2 ** bits;
  }

  /** The continued value; the first one is as it comes, plus one cycle so that what is older stays above zero. */
  extend(value: number): number {
    const extended = this.near(value);
    this.#last = extended;
    return extended;
  }

  /** Like `extend`, without moving on: for values that stand beside the stream (a report's timestamp). */
  near(value: number): number {
    const last = this.#last;
    if (last === null) return value + this.#size;
    const half = this.#size / 2;
    const distance = (((value - last + half) % this.#size) + this.#size) % this.#size;
    return last + distance - half;
  }
}
