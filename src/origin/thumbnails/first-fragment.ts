import { BoxReader } from '../cmaf/box-reader.js';

/** The first `moof` of a segment and its media, which begin with a key. Null where there is none. */
export function firstFragment(segment: Buffer): Buffer | null {
  let head: Buffer | null = null;
  for (const { type, bytes } of new BoxReader().push(segment)) {
    if (type === 'moof') head = bytes;
    else if (type === 'mdat' && head !== null) return Buffer.concat([head, bytes]);
  }
  return null;
}
