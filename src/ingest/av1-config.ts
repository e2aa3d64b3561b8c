import { readAv1Sequence } from './av1-sequence.js';
import { BitReader, OutOfBits } from './bit-reader.js';
import type { PictureFacts } from './picture-facts.js';

const HEAD_BYTES = 4;
/** The marker bit and version 1. */
const MARKER_AND_VERSION = 0x81;
const SEQUENCE_HEADER = 1;
/** A config holds a sequence header and perhaps some metadata. */
const OBUS_MAX = 16;

/**
 * Reads av1C (AV1 in ISOBMFF §2.3.3). Null where it is cut short, of another version, or without a sequence header that
 * can be read: the four bytes before it say nothing of the picture's size.
 */
export function readAv1Config(record: Buffer): PictureFacts | null {
  if (record.length < HEAD_BYTES || record[0] !== MARKER_AND_VERSION) return null;
  try {
    const header = findSequenceHeader(record.subarray(HEAD_BYTES));
    return header === null ? null : readAv1Sequence(new BitReader(header));
  } catch (error) {
    if (error instanceof OutOfBits) return null;
    throw error;
  }
}

/** Walks the open bitstream units (AV1 §5.3); each must say its size. */
function findSequenceHeader(units: Buffer): Buffer | null {
  let left = units;
  for (let unit = 0; unit < OBUS_MAX && left.length > 0; unit++) {
    const bits = new BitReader(left);
    bits.skip(1);
    const type = bits.bits(4);
    const extended = bits.flag();
    if (!bits.flag()) return null;
    bits.skip(extended ? 9 : 1);
    const size = bits.leb128();
    const start = bits.bytePosition;
    if (start + size > left.length) return null;
    if (type === SEQUENCE_HEADER) return left.subarray(start, start + size);
    left = left.subarray(start + size);
  }
  return null;
}
