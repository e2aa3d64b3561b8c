/**
 * When a broadcast whose ffmpeg died may have another. Holds one broadcast's record; the clock is passed in.
 *
 * A run that lived long clears the record. Each short one doubles the wait; after `FAILURES_MAX` of them in a row
 * something is wrong that trying does not mend, and the broadcast is left alone for `COOL_DOWN_MS`, then tried once more.
 */
const LONG_RUN_MS = 30_000;
const FAILURES_MAX = 5;
const FIRST_WAIT_MS = 250;
const COOL_DOWN_MS = 60_000;

export class RestartPolicy {
  #failures = 0;
  #notBefore = 0;

  /** Failures in a row, of runs too short to count as working. */
  get failures(): number {
    return this.#failures;
  }

  /** Ms until another run may start; 0 where it may now. */
  waitMs(now: number): number {
    return Math.max(0, this.#notBefore - now);
  }

  /** @returns how long the next run is held back, and whether this is the cool-down after too many failures. */
  failed(now: number, livedMs: number): { readonly waitMs: number; readonly coolDown: boolean } {
    this.#failures = livedMs >= LONG_RUN_MS ? 0 : this.#failures + 1;
    const coolDown = this.#failures >= FAILURES_MAX;
    const waitMs = coolDown ? COOL_DOWN_MS : this.#failures === 0 ? 0 : FIRST_WAIT_MS * 2 ** (this.#failures - 1);
    this.#notBefore = now + waitMs;
    return { waitMs, coolDown };
  }
}
