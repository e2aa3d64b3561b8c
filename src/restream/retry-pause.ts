/** How long a target is left alone after a connection that failed: 1 s at first, twice as long each time, a minute at most. */
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** A connection that lasted this long was a good one: the next failure counts as the first. */
const HEALTHY_MS = 60_000;

/** One target's record of failures. `random`: 0 to below 1, so that targets which fail together do not return together. */
export class RetryPause {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** `sentMs`: for how long the connection that has failed was sending. Answers with the pause, ms. */
  failed(sentMs: number): number {
    if (sentMs >= HEALTHY_MS) this.#failures = 0;
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return Math.round(pause * (0.75 + this.#random() / 4));
  }
}
