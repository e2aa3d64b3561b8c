import { readHevcSps } from './hevc-sps.js';

/** The HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1), which every HEVC source needs before its frames. */
export interface HevcConfig {
  /** Bytes of the length before each NAL unit in a frame: 1, 2 or 4. */
  readonly lengthSize: number;
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

const HEAD_BYTES = 23;
const VPS = 32;
const SPS = 33;
const PPS = 34;
/** BLA, IDR and CRA pictures, and the two reserved kinds of random access point (ITU-T H.265 Table 7-1). */
const RANDOM_ACCESS_FIRST = 16;
const RANDOM_ACCESS_LAST = 23;
const ARRAYS_MAX = 32;
const SETS_MAX = 64;
const SET_BYTES_MAX = 0xffff;

/** nal_unit_type (ITU-T H.265 §7.3.1.2). */
export function hevcNalType(nal: Buffer): number {
  return ((nal[0] ?? 0) >> 1) & 0x3f;
}

/** Null where the record is cut short or lacks an SPS or PPS; a VPS may be missing. */
export function readHevcConfig(record: Buffer): HevcConfig | null {
  if (record.length < HEAD_BYTES || record[0] !== 1) return null;
  const sets = new Map<number, Buffer[]>([
    [VPS, []],
    [SPS, []],
    [PPS, []],
  ]);
  if (!readArrays(record, sets)) return null;
  const [vps = [], sps = [], pps = []] = [sets.get(VPS), sets.get(SPS), sets.get(PPS)];
  if (sps.length === 0 || pps.length === 0) return null;
  return { lengthSize: ((record[21] ?? 0) & 3) + 1, vps, sps, pps };
}

/** Other arrays (SEI messages) are read past. False where one is cut short, or is more than any stream has. */
function readArrays(record: Buffer, sets: Map<number, Buffer[]>): boolean {
  const arrays = record[22] ?? 0;
  if (arrays > ARRAYS_MAX) return false;
  let at = HEAD_BYTES;
  for (let array = 0; array < arrays; array++) {
    if (at + 3 > record.length) return false;
    const kind = sets.get((record[at] ?? 0) & 0x3f);
    const count = record.readUInt16BE(at + 1);
    if (count > SETS_MAX) return false;
    at += 3;
    for (let index = 0; index < count; index++) {
      const end = at + 2 + (at + 2 > record.length ? 0 : record.readUInt16BE(at));
      if (end > record.length || end === at + 2) return false;
      kind?.push(record.subarray(at + 2, end));
      at = end;
    }
  }
  return true;
}

/**
 * The record of these parameter sets, for frames with 4-byte lengths; null where a kind is missing, is more than a record
 * can hold, or the first SPS is unreadable.
 */
export function writeHevcConfig(vps: readonly Buffer[], sps: readonly Buffer[], pps: readonly Buffer[]): Buffer | null {
  const first = sps[0] === undefined ? null : readHevcSps(sps[0]);
  if (first === null || ![vps, sps, pps].every(fits)) return null;
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = 1;
  first.profileTierLevel.copy(head, 1);
  // Segmentation and parallelism are not told (zero), nor a constant frame rate; the bits around them are reserved ones.
  head.writeUInt16BE(0xf000, 13);
  head[15] = 0xfc;
  head[16] = 0xfc | first.chromaFormat;
  head[17] = 0xf8 | (first.lumaDepth & 7);
  head[18] = 0xf8 | (first.chromaDepth & 7);
  head[21] = (first.temporalLayers << 3) | (first.temporalIdNested ? 4 : 0) | 3;
  head[22] = 3;
  return Buffer.concat([head, ...setArray(VPS, vps), ...setArray(SPS, sps), ...setArray(PPS, pps)]);
}

function fits(sets: readonly Buffer[]): boolean {
  const sized = sets.every((set) => set.length > 0 && set.length <= SET_BYTES_MAX);
  return sized && sets.length > 0 && sets.length <= SETS_MAX;
}

/** array_completeness is set: no further parameter sets of the kind stand in the frames. */
function setArray(type: number, sets: readonly Buffer[]): Buffer[] {
  const pieces: Buffer[] = [Buffer.from([0x80 | type, 0, sets.length])];
  for (const set of sets) pieces.push(Buffer.from([set.length >> 8, set.length & 0xff]), set);
  return pieces;
}

/** Decoding can start at an intra random access point; leading pictures that need earlier ones are skipped by decoders. */
export function isHevcKey(nals: readonly Buffer[]): boolean {
  return nals.some((nal) => {
    const type = hevcNalType(nal);
    return nal.length > 0 && type >= RANDOM_ACCESS_FIRST && type <= RANDOM_ACCESS_LAST;
  });
}
