import type { HeaderPair } from './header-fields.js';

const namesMax = 256;
const valueLengthMax = 1024;
/** The last of each name. */
const known = new Map<string, HeaderPair>();

/** The very same pair for the same field as before: what thousands of kept heads say need not be there thousands of times. Bounded. */
export function onceOnly(name: string, value: string): HeaderPair {
  const last = known.get(name);
  if (last?.[1] === value) return last;
  const pair: HeaderPair = [last?.[0] ?? name, value];
  const isKept = value.length <= valueLengthMax && (last !== undefined || known.size < namesMax);
  if (isKept) known.set(pair[0], pair);
  return pair;
}
