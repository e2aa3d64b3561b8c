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
  /** Fields, in lower case, that must not be kept: all else may (RFC 9111 §5.2.2.4, §5.2.2.7). */
  readonly withheld: ReadonlySet<string>;
}

const nothing: ReadonlySet<string> = new Set();

export function directivesOf(headers: HeaderPairs): ResponseDirectives {
  const targeted = readTargeted(fieldLines(headers, 'cdn-cache-control'));
  if (targeted !== null) return { ...qualified(targeted), targeted: true };
  return { ...qualified(parseCacheControl(fieldLines(headers, 'cache-control'))), targeted: false };
}

/** `no-cache` and `private` that name fields speak of those alone; what is no list of names is taken for the unqualified form. */
function qualified(directives: CacheDirectives): Pick<ResponseDirectives, 'directives' | 'withheld'> {
  if (!directives.get('no-cache') && !directives.get('private')) return { directives, withheld: nothing };
  const withheld = new Set<string>();
  const rest = [...directives].filter(([name, argument]) => {
    if ((name !== 'no-cache' && name !== 'private') || !argument || !fieldNames.test(argument)) return true;
    for (const field of argument.split(',')) withheld.add(field.trim().toLowerCase());
    return false;
  });
  return { directives: new Map(rest), withheld };
}

const namesFields = new Set(['no-cache', 'private']);
const fieldNames = /^\s*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\s*,\s*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*\s*$/;

/** A Dictionary (RFC 9651 §3.2): one error, and none of it counts. */
function readTargeted(lines: readonly string[]): CacheDirectives | null {
  if (lines.length === 0) return null;
  try {
    const members = parseDictionary(lines.join(', '));
    const read = [...members].flatMap(([name, [value]]) => {
      const argument = argumentOf(name, value);
      return argument === undefined ? [] : [[name, argument] as const];
    });
    return members.size === 0 ? null : new Map(read);
  } catch {
    return null;
  }
}

/**
 * Null: without an argument; undefined: it is not there. What is of another type than its directive's is there, but cannot be read, as in
 * Cache-Control: a lifetime is over then, and what forbids forbids.
 */
function argumentOf(name: string, value: unknown): string | null | undefined {
  if (typeof value === 'boolean') return value ? null : undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return String(value);
  return typeof value === 'string' && namesFields.has(name) ? value : '';
}
