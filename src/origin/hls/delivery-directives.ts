import { lastPosition, type Position } from '../live-position.js';
import type { RenditionWindow } from '../rendition-window.js';

/** What a delta update leaves out: nothing means that it is none. */
export type Skipping = 'nothing' | 'segments' | 'segments and dates';

/** What a request for a media playlist asks for beside the playlist (draft-pantos-hls-rfc8216bis-22 §6.2.5). */
export interface DeliveryDirectives {
  /** Answer once this is in the playlist; null: at once. */
  readonly waitFor: Position | null;
  readonly skip: Skipping;
}

const NUMBER = /^\d{1,12}$/;

/**
 * Reads the query of a playlist's address. Null where it is a Bad Request: a part without its segment, or what is no number.
 * Unknown directives and unknown values of `_HLS_skip` are as if they were not there.
 */
export function readDirectives(query: string): DeliveryDirectives | null {
  if (!query.includes('_HLS_')) return { waitFor: null, skip: 'nothing' };
  const parameters = new URLSearchParams(query);
  const [number, part, skip] = ['_HLS_msn', '_HLS_part', '_HLS_skip'].map((name) => parameters.get(name));
  if ([number, part].some((value) => typeof value === 'string' && !NUMBER.test(value))) return null;
  const skips = skip === 'v2' ? 'segments and dates' : skip === 'YES' ? 'segments' : 'nothing';
  if (typeof number !== 'string') return typeof part === 'string' ? null : { waitFor: null, skip: skips };
  return {
    waitFor: { number: Number(number), part: typeof part === 'string' ? Number(part) : undefined },
    skip: skips,
  };
}

/** How many segments ahead of the last one may be asked for. */
const SEGMENTS_AHEAD_MAX = 2;

/** Too far ahead to be worth a wait (§6.2.5.2): more than two segments, or than the advance part limit of parts. */
export function isTooFarAhead(rendition: RenditionWindow, position: Position, partTargetSec: number): boolean {
  const { newest } = rendition;
  const last = lastPosition(rendition);
  if (newest === null || last === null) return false;
  const { number, part } = position;
  if (number > newest.number + SEGMENTS_AHEAD_MAX) return true;
  if (part === undefined || number < last.number) return false;
  const limit = partTargetSec < 1 ? Math.ceil(3 / partTargetSec) : 3;
  // Of a segment that has not begun no part is there yet.
  return part > (number === last.number ? (last.part ?? -1) : -1) + limit;
}
