/** Byte ranges (RFC 9110 §14). Pure. */
export type RangeAsked =
  | { readonly kind: 'from'; readonly first: number; readonly last: number | null }
  | { readonly kind: 'suffix'; readonly length: number };

/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** More than any client of ours needs; who asks for thousands wants to make work (§17.15). */
const rangesMax = 32;

/** Null for anything but well-formed byte ranges, at most 32: then the whole is answered, as §14.2 allows. */
export function parseRanges(value: string | undefined): readonly RangeAsked[] | null {
  if (value === undefined) return null;
  const specs = /^bytes\s*=([\d\s,-]{1,1500})$/i.exec(value.trim())?.[1]?.split(',') ?? [];
  if (specs.length > rangesMax) return null;
  const ranges: RangeAsked[] = [];
  for (const spec of specs) {
    // Lists may have empty members (§5.6.1.2).
    if (spec.trim() === '') continue;
    const range = parseSpec(spec);
    if (range === null) return null;
    ranges.push(range);
  }
  return ranges.length === 0 ? null : ranges;
}

function parseSpec(spec: string): RangeAsked | null {
  const match = /^\s*(\d{0,30})\s*-\s*(\d{0,30})\s*$/.exec(spec);
  if (!match) return null;
  const [, from = '', to = ''] = match;
  if (from === '') return to === '' ? null : { kind: 'suffix', length: Number(to) };
  const first = Number(from);
  const last = to === '' ? null : Number(to);
  return last !== null && last < first ? null : { kind: 'from', first, last };
}

/** The bytes meant in a body of `total` bytes, or null when it has none of them. */
export function resolveRange(asked: RangeAsked, total: number): ByteRange | null {
  if (asked.kind === 'suffix') {
    if (asked.length === 0 || total === 0) return null;
    return { first: Math.max(0, total - asked.length), last: total - 1 };
  }
  if (asked.first >= total) return null;
  return { first: asked.first, last: Math.min(asked.last ?? total - 1, total - 1) };
}

/**
 * Those of the ranges that exist in a body of `total` bytes, in the order asked; none: 416. Where some overlap or
 * touch, all are put in order and joined (§15.3.7.2), so no byte is ever sent twice.
 */
export function resolveRanges(asked: readonly RangeAsked[], total: number): readonly ByteRange[] {
  const ranges = asked.flatMap((each) => resolveRange(each, total) ?? []);
  const sorted = [...ranges].sort((one, other) => one.first - other.first);
  const touch = sorted.some(({ first }, at) => first <= (sorted[at - 1]?.last ?? -2) + 1);
  return touch ? joined(sorted) : ranges;
}

function joined(sorted: readonly ByteRange[]): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (const range of sorted) {
    const before = ranges.at(-1);
    if (before === undefined || range.first > before.last + 1) ranges.push(range);
    else ranges[ranges.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
  }
  return ranges;
}

/** RFC 9110 §14.4; `*`: the length is not known. */
export const contentRange = ({ first, last }: ByteRange, total: number | '*'): readonly [string, string] => [
  'content-range',
  `bytes ${first}-${last}/${total}`,
];
