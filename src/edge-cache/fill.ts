import type { CachedObject } from './memory/cached-object.js';
import type { ResumedBody } from './upstream/resumed-body.js';

export interface FillLimits {
  /** A fill that nobody reads goes on when at most so many bytes are missing. */
  readonly unreadBytesMax: number;
  /** Longest time until the last byte, ms; without effect once the body has overflowed, for then its readers set the pace. */
  readonly fillMs: number;
}

/** What comes with a head at best: one read of the socket. */
const arrivedBytesMax = 64 * 1024;

/** `abandoned`: nobody wanted the rest; `broken`: the upstream did not deliver it. */
export type FillEnd = 'whole' | 'overflowed' | 'abandoned' | 'broken';

/**
 * Pulls one upstream body into an object, however slow or gone its readers are.
 *
 * Lives from `run` until that resolves; by then the object is complete or has failed.
 */
export class Fill {
  readonly #object: CachedObject;
  readonly #body: ResumedBody;
  readonly #limits: FillLimits;
  readonly #onOverflow: () => void;
  #overflowed = false;
  #abandoned = false;

  constructor(object: CachedObject, body: ResumedBody, limits: FillLimits, onOverflow: () => void) {
    this.#object = object;
    this.#body = body;
    this.#limits = limits;
    this.#onOverflow = onOverflow;
  }

  /** Never rejects. */
  async run(): Promise<FillEnd> {
    const object = this.#object;
    if (this.#takeArrived()) return this.#ended(object.complete() ? 'whole' : 'broken');
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

  /**
   * A small body mostly comes with its head. If it is here already, those that wait are handed a complete object, which costs
   * each of them far less than following a fill does.
   */
  #takeArrived(): boolean {
    const object = this.#object;
    const body = this.#body;
    if (object.length === null || object.length > arrivedBytesMax) return false;
    for (let left = object.length; left > 0; left = object.length - object.filled) {
      const chunk = body.takeArrived();
      if (chunk === null) return false;
      void object.append(chunk);
    }
    // To its end, or it would never close.
    body.drain();
    return true;
  }

  async #pull(): Promise<void> {
    const body = this.#body;
    let deadline: NodeJS.Timeout | undefined = setTimeout(
      () => body.destroy(new Error('the fill took too long')),
      this.#limits.fillMs,
    );
    try {
      for await (const chunk of body) {
        const held = this.#object.append(chunk);
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
    this.#body.destroy();
  }

  #ended(end: 'whole' | 'broken'): FillEnd {
    this.#object.whenIdle(null);
    if (end === 'whole') return this.#overflowed ? 'overflowed' : 'whole';
    return this.#abandoned ? 'abandoned' : 'broken';
  }
}
