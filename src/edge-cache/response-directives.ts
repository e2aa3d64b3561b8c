/**
 * Which directives of an answer count for this cache: those of CDN-Cache-Control where it is there and can be read (RFC 9213), else
 * those of Cache-Control. Pure; takes any bytes, and never throws.
 */
import { parseDictionary } from 'structured-headers';
import { type CacheDirectives, parseCacheControl } from './cache-control.js';
import { fieldLines, type HeaderPairs } from './header-fields.js';

export interface ResponseDirectives {
  readonly directives: CacheDirectives;
  /** They were meant for caches like this one: Cache-Control and Expires say nothing here (RFC 9213 §2.2). */
  readonly targeted: boolean;
}

export function directivesOf(headers: HeaderPairs): ResponseDirectives {
  const targeted = readTargeted(fieldLines(headers, 'cdn-cache-control'));
  if (targeted !== null) return { directives: targeted, targeted: true };
  return { directives: parseCacheControl(fieldLines(headers, 'cache-control')), targeted: false };
}

/** A Dictionary (RFC 9651 §3.2): one error, and none of it counts. */
function readTargeted(lines: readonly string[]): CacheDirectives | null {
  if (lines.length === 0) return null;
  try {
    const members = parseDictionary(lines.join(', '));
    const read = [...members].flatMap(([name, [value]]) => {
      const argument = argumentOf(value);
      return argument === undefined ? [] : [[name, argument] as const];
    });
    return members.size === 0 ? null : new Map(read);
  } catch {
    return null;
  }
}

/** Null: without an argument; undefined: of a type that no directive has. A number that is not whole is no delta-seconds. */
function argumentOf(value: unknown): string | null | undefined {
  if (value === true) return null;
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? String(value) : undefined;
  return undefined;
}
