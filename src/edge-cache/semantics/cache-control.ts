/** Reads Cache-Control (RFC 9111 §5.2). Pure; takes any bytes, and never throws. */

import { listMembers } from './list-members.js';

/** Directive names in lower case; `null` where the directive has no argument. The first of several counts. */
export type CacheDirectives = ReadonlyMap<string, string | null>;

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Larger ages are as good as for ever (RFC 9111 §1.2.2). */
const deltaSecondsMax = 2 ** 31;

/** `lines` are the field lines as they arrived. Members that are no directive are skipped. */
export function parseCacheControl(lines: readonly string[]): CacheDirectives {
  const directives = new Map<string, string | null>();
  for (const line of lines) {
    for (const member of listMembers(line)) addDirective(directives, member);
  }
  return directives;
}

/** Delta-seconds, capped at 2^31; null when the argument is missing or no whole number. */
export function deltaSeconds(argument: string | null | undefined): number | null {
  if (argument === null || argument === undefined || !/^\d+$/.test(argument)) return null;
  return Math.min(Number(argument), deltaSecondsMax);
}

/** Spaces around the `=` are an error: the directive counts, but says nothing (§4.2.1: what cannot be read is better taken for stale). */
function addDirective(directives: Map<string, string | null>, member: string): void {
  const equals = member.indexOf('=');
  const before = equals < 0 ? member : member.slice(0, equals);
  const name = before.trimEnd().toLowerCase();
  if (!token.test(name) || directives.has(name)) return;
  const argument = member.slice(equals + 1);
  const isSpaced = name.length < before.length || argument.trimStart().length < argument.length;
  directives.set(name, equals < 0 ? null : isSpaced ? '' : unquote(argument));
}

/** A quoted argument means the same as a bare one (RFC 9111 §5.2). */
function unquote(argument: string): string {
  return /^"(?:[^"\\]|\\.)*"$/s.test(argument) ? argument.slice(1, -1).replace(/\\(.)/gs, '$1') : argument;
}
