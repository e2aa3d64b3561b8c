import type { Upstream } from './upstream.js';

export interface ProbeLimits {
  /** Asked for with HEAD. */
  readonly path: string;
  readonly intervalMs: number;
}

/**
 * Asks one server again and again whether it is well: any answer below 400 says so.
 *
 * Lives from its construction to `close`. One request at a time, each with the deadlines of its upstream.
 */
export class HealthProbe {
  readonly #upstream: Upstream;
  readonly #limits: ProbeLimits;
  readonly #onProbe: (good: boolean) => void;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(upstream: Upstream, limits: ProbeLimits, onProbe: (good: boolean) => void) {
    this.#upstream = upstream;
    this.#limits = limits;
    this.#onProbe = onProbe;
    this.#next(Math.random() * limits.intervalMs);
  }

  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    return this.#upstream.close();
  }

  #next(afterMs: number): void {
    this.#timer = setTimeout(() => void this.#probe(), afterMs);
  }

  async #probe(): Promise<void> {
    const outcome = await this.#upstream.fetch({ method: 'HEAD', target: this.#limits.path, headers: [] });
    if (this.#closed) return;
    this.#onProbe(outcome.kind === 'answer' && outcome.answer.status < 400);
    this.#next(this.#limits.intervalMs);
  }
}

/** Enough for one at a time; an answer that takes longer is none. */
export const probeUpstreamLimits = {
  ...{ concurrent: 1, waitersMax: 1, waitMs: 1000 },
  ...{ connectMs: 2000, headMs: 2000, bodyMs: 2000 },
};
