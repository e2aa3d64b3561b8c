import type { CachedObject } from './cached-object.js';
import type { UpstreamAnswer } from './upstream.js';

export interface FillLimits {
  /** A fill that nobody reads goes on when at most so many bytes are missing. */
  readonly unreadBytesMax: number;
  /** Longest time until the last byte, ms; without effect once the body has overflowed, for then its readers set the pace. */
  readonly fillMs: number;
}

/** `abandoned`: nobody wanted the rest; `broken`: the upstream did not deliver it. */
export type FillEnd = 'whole' | 'overflowed' | 'abandoned' | 'broken';

/**
 * Pulls one upstream body into an object, however slow or gone its readers are.
 *
 * Lives from `run` until that resolves; by then the object is complete or has failed.
 */
export class Fill {
  readonly #object: CachedObject;
  readonly #answer: UpstreamAnswer;
  readonly #limits: FillLimits;
  readonly #onOverflow: () => void;
  #overflowed = false;
  #abandoned = false;

  constructor(object: CachedObject, answer: UpstreamAnswer, limits: FillLimits, onOverflow: () => void) {
    this.#object = object;
    this.#answer = answer;
    this.#limits = limits;
    this.#onOverflow = onOverflow;
  }

  /** Never rejects. */
  async run(): Promise<FillEnd> {
    const object = this.#object;
    object.whenIdle(() => this.#unread());
    // Those that waited for the head open their readers within this turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (!object.hasReaders) this.#unread();
    try {
      await this.#pull();
      return this.#ended(object.complete() ? 'whole' : 'broken');
    } catch {
      object.fail();
      return this.#ended('broken');
    }
  }

  async #pull(): Promise<void> {
    const { body } = this.#answer;
    let deadline: NodeJS.Timeout | undefined = setTimeout(
      () => body.destroy(new Error('the fill took too long')),
      this.#limits.fillMs,
    );
    try {
      for await (const chunk of body) {
        const held = this.#object.append(chunk as Buffer);
        if (held === undefined) continue;
        if (!this.#overflowed) this.#overflow();
        clearTimeout(deadline);
        deadline = undefined;
        await held;
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  #overflow(): void {
    this.#overflowed = true;
    this.#onOverflow();
    if (!this.#object.hasReaders) this.#abandon();
  }

  #unread(): void {
    const object = this.#object;
    if (object.phase !== 'filling' && object.phase !== 'overflowed') return;
    const missing = object.length === null ? 0 : object.length - object.filled;
    if (this.#overflowed || missing > this.#limits.unreadBytesMax) this.#abandon();
  }

  #abandon(): void {
    this.#abandoned = true;
    this.#answer.body.destroy();
  }

  #ended(end: 'whole' | 'broken'): FillEnd {
    this.#object.whenIdle(null);
    if (end === 'whole') return this.#overflowed ? 'overflowed' : 'whole';
    return this.#abandoned ? 'abandoned' : 'broken';
  }
}
