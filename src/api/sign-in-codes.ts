import { LRUCache } from 'lru-cache';
import { randomName } from './random-names.js';

const CODES_MAX = 1000;
const LIFETIME_MS = 24 * 60 * 60 * 1000;

/** One-time sign-in codes, in memory: each stands for a user, once, for 24 h or until the box restarts. */
export class SignInCodes {
  readonly #users = new LRUCache<string, string>({ max: CODES_MAX, ttl: LIFETIME_MS });

  /** 32 characters of [a-z0-9], 165 bits. */
  issue(userId: string): string {
    const code = randomName(32);
    this.#users.set(code, userId);
    return code;
  }

  /** The user, and the code is used up; null when there is no such code (any more). */
  redeem(code: string): string | null {
    const userId = this.#users.get(code) ?? null;
    this.#users.delete(code);
    return userId;
  }
}
