/** Header fields as lists of pairs: lookups, and what a gateway must not pass on (RFC 9110 §7.6.1). Pure. */
export type HeaderPair = readonly [string, string];
export type HeaderPairs = readonly HeaderPair[];

/** Fields for one hop: of its connection, or between a client and its proxy (§11.7). Those that `Connection` names come on top. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Every field line of that name, in order of arrival. `name` in lower case. */
export function fieldLines(headers: HeaderPairs, name: string): string[] {
  const lines: string[] = [];
  for (const [field, value] of headers) if (field === name) lines.push(value);
  return lines;
}

export function firstField(headers: HeaderPairs, name: string): string | null {
  for (const [field, value] of headers) if (field === name) return value;
  return null;
}

/** The field lines joined as one list value (RFC 9110 §5.3); `''` when there is none. */
export function joinedField(headers: HeaderPairs, name: string): string {
  return fieldLines(headers, name).join(', ');
}

/** The fields that travel end to end, without those in `alsoDropped` (lower case). */
export function endToEnd(headers: HeaderPairs, alsoDropped: ReadonlySet<string>): HeaderPair[] {
  const named = connectionOptions(headers);
  return headers.filter(([name]) => !hopByHop.has(name) && !named.has(name) && !alsoDropped.has(name));
}

function connectionOptions(headers: HeaderPairs): Set<string> {
  const named = new Set<string>();
  for (const line of fieldLines(headers, 'connection')) {
    for (const option of line.split(',')) named.add(option.trim().toLowerCase());
  }
  return named;
}

/** A `Content-Length` as a number of bytes, or null when there is none or it says nothing certain. */
export function contentLengthOf(headers: HeaderPairs): number | null {
  const [line, ...more] = fieldLines(headers, 'content-length');
  if (line === undefined || more.length > 0 || !/^\d{1,15}$/.test(line)) return null;
  return Number(line);
}
