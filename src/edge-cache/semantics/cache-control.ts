/** Reads Cache-Control (RFC 9111 §5.2). Pure; takes any bytes, and never throws. */

/** Directive names in lower case; `null` where the directive has no argument. The first of several counts. */
export type CacheDirectives = ReadonlyMap<string, string | null>;

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Larger ages are as good as for ever (RFC 9111 §1.2.2). */
const deltaSecondsMax = 2 ** 31;

/** `lines` are the field lines as they arrived. Members that are no directive are skipped. */
export function parseCacheControl(lines: readonly string[]): CacheDirectives {
  const directives = new Map<string, string | null>();
  for (const line of lines) {
    for (const member of members(line)) addDirective(directives, member);
  }
  return directives;
}

/** Delta-seconds, capped at 2^31; null when the argument is missing or no whole number. */
export function deltaSeconds(argument: string | null | undefined): number | null {
  if (argument === null || argument === undefined || !/^\d+$/.test(argument)) return null;
  return Math.min(Number(argument), deltaSecondsMax);
}

function addDirective(directives: Map<string, string | null>, member: string): void {
  const equals = member.indexOf('=');
  const name = (equals < 0 ? member : member.slice(0, equals)).toLowerCase();
  if (!token.test(name) || directives.has(name)) return;
  directives.set(name, equals < 0 ? null : unquote(member.slice(equals + 1)));
}

/** A quoted argument means the same as a bare one (RFC 9111 §5.2). */
function unquote(argument: string): string {
  if (!argument.startsWith('"')) return argument;
  const inner = argument.endsWith('"') && argument.length > 1 ? argument.slice(1, -1) : argument.slice(1);
  return inner.replace(/\\(.)/g, '$1');
}

/** Splits at the commas that stand outside quoted strings. */
function members(line: string): string[] {
  const found: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (character === ',' && !quoted) {
      found.push(line.slice(start, at).trim());
      start = at + 1;
    }
  }
  found.push(line.slice(start).trim());
  return found;
}
