import { Agent } from 'node:http';
import { until } from '../box.js';
import type { Random } from '../fuzz/random.js';
import { askKnown, type Ended } from './known-answer.js';
import { lengthOf } from './known-origin.js';

/**
 * Clients of one edge, each asking for one thing after another: the whole, a range, and now and then a change of it, after which nobody
 * may be given what was before.
 *
 * Lives from its beginning to `stop`. Every answer is judged; the first wrong one ends it, and makes `stop` reject.
 */
export class KnownLoad {
  whole = 0;
  hits = 0;
  cut = 0;
  refused = 0;
  readonly #base: string;
  readonly #paths: readonly string[];
  readonly #random: Random;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #clients: Promise<void>[];
  /** By path, the oldest version that may still be given out. */
  readonly #oldest = new Map<string, number>();
  #stopped = false;
  #wrong: unknown = null;

  constructor(base: string, paths: readonly string[], { clients, random }: { clients: number; random: Random }) {
    this.#base = base;
    this.#paths = paths;
    this.#random = random;
    this.#clients = Array.from({ length: clients }, () => this.#client());
  }

  /** Until so many more answers have come whole. */
  async more(answers: number): Promise<void> {
    const wanted = this.whole + answers;
    await until(
      () => this.whole >= wanted || this.#wrong !== null,
      60_000,
      () => `only ${this.whole} answers`,
      5,
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
    if (this.#wrong !== null) throw this.#wrong;
  }

  async #client(): Promise<void> {
    while (!this.#stopped && this.#wrong === null) {
      try {
        const ended = await this.#askOnce();
        // The edge is gone: nothing is to be had until somebody stops this.
        if (ended.how === 'refused') await new Promise((resolve) => setTimeout(resolve, 50));
      } catch (error) {
        this.#wrong ??= error;
      }
    }
  }

  async #askOnce(): Promise<Ended> {
    const random = this.#random;
    const path = random.pick(this.#paths);
    const oldest = this.#oldest.get(path) ?? 1;
    const changes = random.once(40);
    const headers = changes || !random.once(4) ? {} : this.#range(path);
    const ended = await askKnown(this.#base, path, { method: changes ? 'POST' : 'GET', headers, agent: this.#agent });
    this.#count(ended);
    if (ended.how !== 'whole') return ended;
    if (ended.status >= 300) throw new Error(`${path} was answered with ${ended.status} (${ended.cacheStatus})`);
    if (ended.version === null) this.#oldest.set(path, Math.max(oldest, ended.changedTo));
    else if (ended.version < oldest) throw new Error(`${path}: version ${ended.version} after ${oldest} was made`);
    return ended;
  }

  #range(path: string): Record<string, string> {
    const first = this.#random.below(lengthOf(path));
    return { range: `bytes=${first}-${first + this.#random.below(1_000_000)}` };
  }

  #count(ended: Ended): void {
    if (ended.how !== 'whole') this[ended.how] += 1;
    else {
      this.whole += 1;
      if (ended.cacheStatus.includes('; hit')) this.hits += 1;
    }
  }
}
