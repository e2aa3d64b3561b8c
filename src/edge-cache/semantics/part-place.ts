/** Which part of a body an answer with status 206 has (RFC 9110 §14.4). Pure. */
import { type ByteRange, type RangeAsked, resolveRanges } from './byte-range.js';
import { firstField, type HeaderPairs } from './header-fields.js';

export interface PartPlace extends ByteRange {
  /** Bytes of the whole body. */
  readonly total: number;
}

/** Null where that cannot be read, or the whole is of unknown length. */
export function partPlace(headers: HeaderPairs): PartPlace | null {
  const field = firstField(headers, 'content-range') ?? '';
  const numbers = /^bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(field)?.slice(1).map(Number);
  const [first = 0, last = 0, total = 0] = numbers ?? [];
  return numbers !== undefined && first <= last && last < total ? { first, last, total } : null;
}

/** The one range that is asked for, where all of it lies in the part; else null. */
export function rangeWithin(asked: readonly RangeAsked[], place: PartPlace): ByteRange | null {
  const [range, ...more] = resolveRanges(asked, place.total);
  if (range === undefined || more.length > 0) return null;
  return range.first >= place.first && range.last <= place.last ? range : null;
}
