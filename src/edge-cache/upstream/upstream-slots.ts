/** How a request for a slot ended. */
export type SlotOutcome = 'granted' | 'full' | 'too-late' | 'gone';

interface Waiter {
  readonly settle: (outcome: SlotOutcome) => void;
}

/**
 * Bounds how many requests are under way to one upstream, and how many may wait for that, in order, and for how long.
 *
 * Lives as long as its upstream. Every `granted` must be followed by exactly one `release`.
 */
export class UpstreamSlots {
  readonly #concurrent: number;
  readonly #waitersMax: number;
  readonly #waitMs: number;
  readonly #waiters = new Set<Waiter>();
  #taken = 0;

  constructor(options: { concurrent: number; waitersMax: number; waitMs: number }) {
    this.#concurrent = options.concurrent;
    this.#waitersMax = options.waitersMax;
    this.#waitMs = options.waitMs;
  }

  /** `gone` when the signal fires first. */
  take(signal: AbortSignal | undefined): SlotOutcome | Promise<SlotOutcome> {
    if (signal?.aborted) return 'gone';
    if (this.#taken < this.#concurrent) {
      this.#taken += 1;
      return 'granted';
    }
    return this.#waiters.size >= this.#waitersMax ? 'full' : this.#wait(signal);
  }

  release(): void {
    const [first] = this.#waiters;
    if (first === undefined) this.#taken -= 1;
    else first.settle('granted');
  }

  #wait(signal: AbortSignal | undefined): Promise<SlotOutcome> {
    return new Promise((resolve) => {
      const left = () => waiter.settle('gone');
      const timer = setTimeout(() => waiter.settle('too-late'), this.#waitMs);
      const waiter: Waiter = {
        settle: (outcome) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', left);
          this.#waiters.delete(waiter);
          resolve(outcome);
        },
      };
      signal?.addEventListener('abort', left, { once: true });
      this.#waiters.add(waiter);
    });
  }
}
