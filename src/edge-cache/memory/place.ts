/** Where the bytes of an object are: an extent of the tier's slabs, or the heap. */
import type { Extent } from './slabs.js';

export interface Extents {
  /** Null: there is none of that size. */
  take(bytes: number): Extent | null;
  shrink(extent: Extent, bytes: number): Extent;
  /** Nobody reads it any more. */
  give(extent: Extent): void;
}

/** Bytes, and where they are. */
export interface Place {
  readonly bytes: Buffer;
  readonly extent: Extent | null;
}

export const empty = Buffer.alloc(0);
export const nothing: Place = { bytes: empty, extent: null };

export function allot(extents: Extents | undefined, bytes: number): Place | null {
  if (extents === undefined) return inHeap(bytes);
  const extent = extents.take(bytes);
  return extent === null ? null : { bytes: extent.bytes, extent };
}

/** Its own memory, never the pool's: a small body must not keep a large one's alive. */
const inHeap = (bytes: number): Place => ({ bytes: Buffer.allocUnsafeSlow(bytes), extent: null });

/**
 * Into shared memory `set` copies byte by byte where the two are not aligned alike, as behind a head they never are (V8's relaxed_memmove); `fill` copies
 * at once, in a third of the time.
 */
export function copyInto(target: Buffer, at: number, bytes: Uint8Array): void {
  if (bytes.length > 0) target.fill(bytes, at, at + bytes.length);
}
