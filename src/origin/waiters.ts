interface Waiter {
  readonly arrived: () => boolean;
  readonly finish: (arrived: boolean) => void;
}

const WAITERS_MAX = 4096;

/** Requests that wait for something to be announced. Bounded: one too many is told at once that it has not come. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** Resolves true once `arrived` says so at a `wake`, false after `timeoutMs` or when `signal` fires. */
  wait(arrived: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (arrived()) return Promise.resolve(true);
    if (this.#waiting.size >= WAITERS_MAX || signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (came: boolean) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        this.#waiting.delete(waiter);
        resolve(came);
      };
      const giveUp = () => finish(false);
      const timer = setTimeout(giveUp, timeoutMs);
      const waiter: Waiter = { arrived, finish };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(waiter);
    });
  }

  /** Something was announced. */
  wake(): void {
    for (const waiter of [...this.#waiting]) {
      if (waiter.arrived()) waiter.finish(true);
    }
  }
}
