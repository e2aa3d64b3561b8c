/** The byte stream form of H.264 and H.265 (Annex B of both) and the length-prefixed form that frames carry. */

const START_CODE = Buffer.from([0, 0, 1]);
/** A picture of the highest level has some hundreds of slices; what comes after these is left out. */
const NALS_MAX = 2048;

/**
 * The NAL units of a byte stream, without start codes and without the zeros that may follow each; views into `bytes`.
 * What stands before the first start code is left out.
 */
export function splitAnnexB(bytes: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  let start = bytes.indexOf(START_CODE);
  while (start !== -1 && nals.length < NALS_MAX) {
    const next = bytes.indexOf(START_CODE, start + 3);
    const end = endOfPayload(bytes, start + 3, next === -1 ? bytes.length : next);
    if (end > start + 3) nals.push(bytes.subarray(start + 3, end));
    start = next;
  }
  return nals;
}

/** §B.1: zeros before the next start code are no part of the unit, which never ends with one (§7.4.1). */
function endOfPayload(bytes: Buffer, start: number, limit: number): number {
  let end = limit;
  while (end > start && bytes[end - 1] === 0) end--;
  return end;
}

/** The units with 4-byte lengths, as frames of H.264 and HEVC carry them (ISO/IEC 14496-15 §4.2). */
export function lengthPrefixed(nals: readonly Buffer[]): Buffer {
  let size = 0;
  for (const nal of nals) size += 4 + nal.length;
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const nal of nals) {
    bytes.writeUInt32BE(nal.length, at);
    nal.copy(bytes, at + 4);
    at += 4 + nal.length;
  }
  return bytes;
}
