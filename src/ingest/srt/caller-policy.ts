import type { KeyPassphrase } from './listener-messages.js';
import { REJECT } from './reject-reason.js';
import { hashOfKey, readStreamId } from './stream-id.js';

export type PolicyAnswer =
  | { readonly kind: 'reject'; readonly code: number }
  | { readonly kind: 'go-on'; readonly keyHash: string; readonly passphrase: string | null };

/** Keys that have just been refused; the one refused longest ago is forgotten first. */
const REFUSED_MAX = 1000;

/**
 * What can be said about a caller during its handshake, when there is no time to ask anybody: whether its stream id makes
 * sense, what it must encrypt with, and whether its key has been refused a moment ago.
 */
export class CallerPolicy {
  readonly #clock: () => number;
  readonly #refused = new Map<string, { code: number; until: number }>();
  #passphrases: ReadonlyMap<string, string> = new Map();

  /** `clock`: monotonic ms. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  set passphrases(passphrases: readonly KeyPassphrase[]) {
    this.#passphrases = new Map(passphrases.map(({ keyHash, passphrase }) => [keyHash, passphrase]));
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
    return { kind: 'go-on', keyHash, passphrase: this.#passphrases.get(keyHash) ?? null };
  }
}
