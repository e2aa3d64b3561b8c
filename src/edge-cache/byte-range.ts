/** Single byte ranges (RFC 9110 §14). Pure. Several ranges at once are answered whole, as §14.2 allows. */
export type RangeAsked =
  | { readonly kind: 'from'; readonly first: number; readonly last: number | null }
  | { readonly kind: 'suffix'; readonly length: number };

/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** Null for anything but one well-formed byte range: then the whole is answered. */
export function parseRange(value: string | undefined): RangeAsked | null {
  if (value === undefined) return null;
  const match = /^bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})$/i.exec(value.trim());
  if (!match) return null;
  const [, from = '', to = ''] = match;
  if (from === '') return to === '' ? null : { kind: 'suffix', length: Number(to) };
  const first = Number(from);
  const last = to === '' ? null : Number(to);
  return last !== null && last < first ? null : { kind: 'from', first, last };
}

/** The bytes meant in a body of `total` bytes, or null when it has none of them (416). */
export function resolveRange(asked: RangeAsked, total: number): ByteRange | null {
  if (asked.kind === 'suffix') {
    if (asked.length === 0 || total === 0) return null;
    return { first: Math.max(0, total - asked.length), last: total - 1 };
  }
  if (asked.first >= total) return null;
  return { first: asked.first, last: Math.min(asked.last ?? total - 1, total - 1) };
}
