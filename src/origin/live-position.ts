import type { RenditionWindow } from './rendition-window.js';

/** A segment by its media sequence number, or a part of one; `part` counts from 0. */
export interface Position {
  readonly number: number;
  readonly part?: number | undefined;
}

/**
 * Whether a playlist has that segment or part, or a later one. A part beyond a whole segment's last one means the first part of
 * the segment after it (draft-pantos-hls-rfc8216bis-22 §6.2.5.2).
 */
export function isAnnounced({ newest, open }: RenditionWindow, { number, part }: Position): boolean {
  if (newest !== null && number < newest.number) return true;
  if (part === undefined) return newest?.number === number;
  if (newest?.number === number) return part < newest.parts.length || open !== null;
  return open?.number === number && part < open.parts.length;
}

/** The last part, or the last segment where that came whole; null before the first. */
export function lastPosition({ newest, open }: RenditionWindow): Position | null {
  if (open !== null) return { number: open.number, part: open.parts.length - 1 };
  if (newest === null) return null;
  return { number: newest.number, part: newest.parts.length > 0 ? newest.parts.length - 1 : undefined };
}

/** The part that comes next, as far as can be told: at a segment's end the first one of the segment after it. */
export function nextPart({ newest, open }: RenditionWindow): { readonly number: number; readonly part: number } | null {
  if (open !== null) {
    const over = open.closed || (open.parts.at(-1)?.final ?? false);
    return over ? { number: open.number + 1, part: 0 } : { number: open.number, part: open.parts.length };
  }
  return newest === null ? null : { number: newest.number + 1, part: 0 };
}
