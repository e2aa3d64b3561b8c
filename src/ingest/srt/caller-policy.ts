import type { KnownKey } from './listener-messages.js';
import { REJECT } from './reject-reason.js';
import { hashOfKey, readStreamId } from './stream-id.js';

export type PolicyAnswer =
  | { readonly kind: 'reject'; readonly code: number }
  | { readonly kind: 'go-on'; readonly keyHash: string; readonly passphrase: string | null };

/** Keys that have just been refused; the one refused longest ago is forgotten first. */
const REFUSED_MAX = 1000;

/**
 * What can be said about a caller during its handshake, when there is no time to ask anybody: whether its stream id makes
 * sense, whether there is such a key, what it must encrypt with, and whether it has been refused a moment ago.
 */
export class CallerPolicy {
  readonly #clock: () => number;
  readonly #refused = new Map<string, { code: number; until: number }>();
  readonly #catchUp: () => void;
  readonly #passphrases = new Map<string, string | null>();

  /**
   * `clock`: monotonic ms. `catchUp` is called before a key is said to be unknown, and may call `learn`: what our process has
   * said by then counts, so that a key can be used as soon as its owner has been told of it.
   */
  constructor(clock: () => number, catchUp: () => void) {
    this.#clock = clock;
    this.#catchUp = catchUp;
  }

  learn(drop: readonly string[], put: readonly KnownKey[]): void {
    for (const keyHash of drop) this.#passphrases.delete(keyHash);
    for (const { keyHash, passphrase } of put) this.#passphrases.set(keyHash, passphrase);
  }

  refuse(keyHash: string, code: number, ms: number): void {
    this.#refused.delete(keyHash);
    this.#refused.set(keyHash, { code, until: this.#clock() + ms });
    const oldest = this.#refused.keys().next();
    if (this.#refused.size > REFUSED_MAX && oldest.done !== true) this.#refused.delete(oldest.value);
  }

  answer(streamId: string): PolicyAnswer {
    const read = readStreamId(streamId);
    if (!read.ok) return { kind: 'reject', code: REJECT[read.reason] };
    const keyHash = hashOfKey(read.wish.streamKey);
    const refused = this.#refused.get(keyHash);
    if (refused !== undefined && refused.until > this.#clock()) return { kind: 'reject', code: refused.code };
    this.#refused.delete(keyHash);
    if (!this.#passphrases.has(keyHash)) this.#catchUp();
    const passphrase = this.#passphrases.get(keyHash);
    if (passphrase === undefined) return { kind: 'reject', code: REJECT['bad-key'] };
    return { kind: 'go-on', keyHash, passphrase };
  }
}
