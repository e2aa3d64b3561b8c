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

/** The place of two parts of one body in one; null where there is a gap between them. */
export function joinedPlace(one: PartPlace, other: PartPlace): PartPlace | null {
  if (one.first > other.last + 1 || other.first > one.last + 1) return null;
  return { ...one, first: Math.min(one.first, other.first), last: Math.max(one.last, other.last) };
}

/** What is missing of a body beside its beginning or its end. */
export function gapBeside({ first, last, total }: PartPlace): ByteRange {
  return first === 0 ? { first: last + 1, last: total - 1 } : { first: 0, last: first - 1 };
}

/** The one range that is asked for, where all of it lies in the part; else null. */
export function rangeWithin(asked: readonly RangeAsked[], place: PartPlace): ByteRange | null {
  const [range, ...more] = resolveRanges(asked, place.total);
  if (range === undefined || more.length > 0) return null;
  return range.first >= place.first && range.last <= place.last ? range : null;
}
