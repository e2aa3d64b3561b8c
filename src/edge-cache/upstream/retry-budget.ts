/**
 * Bounds how many requests are sent again, so that a failing upstream is not asked several times as often as a sound one: at
 * most one for five requests, and one a second where there are few.
 *
 * Lives as long as the upstreams that it is for.
 */
const share = 0.2;
const perSecond = 1;
/** Retries that may come at once after a calm time: enough for the idle connections of a server that has been restarted. */
const savedMax = 100;

export class RetryBudget {
  readonly #now: () => number;
  #saved = savedMax;
  #at: number;

  /** @param now steady, ms */
  constructor(now: () => number) {
    this.#now = now;
    this.#at = now();
  }

  /** Something is asked. */
  asked(): void {
    this.#save(share);
  }

  /** False: it must not be sent again. */
  take(): boolean {
    const now = this.#now();
    this.#save((perSecond * Math.max(0, now - this.#at)) / 1000);
    this.#at = now;
    if (this.#saved < 1) return false;
    this.#saved -= 1;
    return true;
  }

  #save(retries: number): void {
    this.#saved = Math.min(savedMax, this.#saved + retries);
  }
}
