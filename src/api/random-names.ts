import { randomInt, randomUUID } from 'node:crypto';
import type { ApiEntry } from './api-catalog.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** So many of [a-z0-9], each as likely as the others: 5.17 bits a character. */
export const randomName = (length: number): string =>
  Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('');

/** 28 characters, 144 bits: the channel's one secret. */
export const newStreamKey = (): string => randomName(28);

export const newUserId = (): string => `u_${randomName(16)}`;

/** Stamps what is to be appended. Every call is a proposal of its own. */
export function entryOf<Type extends ApiEntry['type']>(
  type: Type,
  data: Extract<ApiEntry, { type: Type }>['data'],
): ApiEntry {
  return { id: randomUUID(), v: 1, type, at: Date.now(), data } as ApiEntry;
}
