/** Requests that come back to the node that sent them (RFC 8586). */
import { randomBytes } from 'node:crypto';
import { fieldLines, type HeaderPairs } from './header-fields.js';

/** A name for one edge, of the form "cdn-id": nobody else has it. */
export const newCdnId = (): string => `headwater-${randomBytes(8).toString('hex')}`;

/** Whether CDN-Loop says that this edge has asked for it already. Parameters of a member do not count. */
export function hasLooped(headers: HeaderPairs, cdnId: string): boolean {
  const members = fieldLines(headers, 'cdn-loop').flatMap((line) => line.split(','));
  return members.some((member) => member.split(';')[0]?.trim() === cdnId);
}
