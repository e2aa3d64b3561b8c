/** How a wait ended: what was waited for is there, it is late, whoever waited has gone, or too many wait already. */
export type Waited = 'there' | 'late' | 'gone' | 'full';

/** Those who wait for the same thing. */
interface Group {
  readonly arrived: () => boolean;
  readonly finishers: Set<(waited: Waited) => void>;
}

const WAITERS_MAX = 16_384;

/**
 * Requests that wait for something to be announced, thousands of them for the same thing. Bounded: one too many is told so at
 * once. Lifetime of a wait: until `arrived` says so at a `wake`, its time is over, or its signal fires.
 */
export class Waiters {
  readonly #groups = new Map<string, Group>();
  #count = 0;

  /** @param name of what is waited for: the same name, the same `arrived`. */
  wait(name: string, arrived: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<Waited> {
    if (arrived()) return Promise.resolve('there');
    if (signal.aborted) return Promise.resolve('gone');
    if (this.#count >= WAITERS_MAX) return Promise.resolve('full');
    return new Promise((resolve) => {
      const group = this.#group(name, arrived);
      const finish = (waited: Waited) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        if (group.finishers.delete(finish)) this.#count -= 1;
        if (group.finishers.size === 0 && this.#groups.get(name) === group) this.#groups.delete(name);
        resolve(waited);
      };
      const leave = () => finish('gone');
      const timer = setTimeout(() => finish('late'), timeoutMs);
      signal.addEventListener('abort', leave, { once: true });
      group.finishers.add(finish);
      this.#count += 1;
    });
  }

  /** Something was announced. */
  wake(): void {
    for (const { arrived, finishers } of [...this.#groups.values()]) {
      if (arrived()) for (const finish of [...finishers]) finish('there');
    }
  }

  #group(name: string, arrived: () => boolean): Group {
    const existing = this.#groups.get(name);
    if (existing !== undefined) return existing;
    const created = { arrived, finishers: new Set<(waited: Waited) => void>() };
    this.#groups.set(name, created);
    return created;
  }
}
