import { randomBytes } from 'node:crypto';

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** `b_` and 16 of [a-z0-9]: eight that rise with time (ms, good until 2059), eight random. */
export function newBroadcastId(epochMs: number): string {
  const time = epochMs.toString(36).padStart(8, '0').slice(-8);
  const random = Array.from(randomBytes(8), (byte) => DIGITS[byte % DIGITS.length]).join('');
  return `b_${time}${random}`;
}
