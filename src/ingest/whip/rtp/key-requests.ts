/** After the stream opened: senders drop the first request while their encoder starts. */
const AT_FIRST_MS = [400, 1000];
/** While nothing can be decoded. */
const URGENT_EVERY_MS = 500;
/**
 * Browsers send keys on demand only. Whoever joins in the middle (a feed that was opened again, a switch between two
 * publishers) has to wait for one, so there is one about every segment.
 */
const USUAL_EVERY_MS = 2000;
/** So that keys are this far apart at most: the request has to get there, and its picture back. */
export const KEYS_APART_MS_MAX = USUAL_EVERY_MS + 500;

/**
 * When to ask the publisher for a key.
 *
 * Lifetime: one video stream, from its first packet.
 */
export class KeyRequests {
  readonly #openedMs: number;
  #first = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #keyMs: number;

  constructor(nowMs: number) {
    this.#openedMs = nowMs;
    this.#keyMs = nowMs;
  }

  keyCame(nowMs: number): void {
    this.#keyMs = nowMs;
  }

  /** Whether to ask now; the asking is then taken as done. */
  due(nowMs: number, waitingForKey: boolean): boolean {
    const due = this.#isDue(nowMs, waitingForKey);
    if (due) this.#askedMs = nowMs;
    return due;
  }

  #isDue(nowMs: number, waitingForKey: boolean): boolean {
    const atFirst = AT_FIRST_MS[this.#first];
    if (atFirst !== undefined && nowMs - this.#openedMs >= atFirst) {
      this.#first++;
      return true;
    }
    const sinceAsked = nowMs - this.#askedMs;
    if (waitingForKey) return sinceAsked >= URGENT_EVERY_MS;
    return nowMs - this.#keyMs >= USUAL_EVERY_MS && sinceAsked >= USUAL_EVERY_MS;
  }
}
