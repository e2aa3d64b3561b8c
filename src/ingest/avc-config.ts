import { lengthPrefixed } from './annex-b.js';
import { readAvcSamples } from './avc-sps.js';

/** The AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3), which every H.264 source needs before its frames. */
export interface AvcConfig {
  /** Bytes of the length before each NAL unit in a frame: 1, 2 or 4. */
  readonly lengthSize: number;
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

const IDR = 5;
/** Five and eight bits count the sets, sixteen the bytes of each. */
const SPS_MAX = 31;
const PPS_MAX = 255;
const SET_BYTES_MAX = 0xffff;
const SPS_HEAD_BYTES = 4;

/** Null where the record is cut short, of another version, or names no parameter sets. */
export function readAvcConfig(record: Buffer): AvcConfig | null {
  if (record.length < 7 || record[0] !== 1) return null;
  const lengthSize = ((record[4] ?? 0) & 3) + 1;
  const sps = readParameterSets(record, 6, (record[5] ?? 0) & 0x1f);
  if (sps === null || sps.sets.length === 0 || sps.end >= record.length) return null;
  const pps = readParameterSets(record, sps.end + 1, record[sps.end] ?? 0);
  if (pps === null || pps.sets.length === 0) return null;
  return { lengthSize, sps: sps.sets, pps: pps.sets };
}

function readParameterSets(record: Buffer, start: number, count: number): { sets: Buffer[]; end: number } | null {
  const sets: Buffer[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    if (at + 2 > record.length) return null;
    const length = record.readUInt16BE(at);
    at += 2;
    if (length === 0 || at + length > record.length) return null;
    sets.push(record.subarray(at, at + length));
    at += length;
  }
  return { sets, end: at };
}

/**
 * The record of these parameter sets, for frames with 4-byte lengths; null where a kind is missing, or is more than a
 * record can hold.
 */
export function writeAvcConfig(sps: readonly Buffer[], pps: readonly Buffer[]): Buffer | null {
  const first = sps[0];
  if (first === undefined || first.length < SPS_HEAD_BYTES || !fits(sps, SPS_MAX) || !fits(pps, PPS_MAX)) return null;
  const head = Buffer.from([1, first[1] ?? 0, first[2] ?? 0, first[3] ?? 0, 0xff, 0xe0 | sps.length]);
  return Buffer.concat([head, ...withLengths(sps), Buffer.from([pps.length]), ...withLengths(pps), samples(first)]);
}

function fits(sets: readonly Buffer[], countMax: number): boolean {
  const sized = sets.every((set) => set.length > 0 && set.length <= SET_BYTES_MAX);
  return sized && sets.length > 0 && sets.length <= countMax;
}

function withLengths(sets: readonly Buffer[]): Buffer[] {
  return sets.flatMap((set) => [Buffer.from([set.length >> 8, set.length & 0xff]), set]);
}

/** The high profiles say chroma format and bit depths at the end (§5.3.3.1.2). */
function samples(sps: Buffer): Buffer {
  const read = readAvcSamples(sps);
  if (read === null) return Buffer.alloc(0);
  return Buffer.from([0xfc | (read.chromaFormat & 3), 0xf8 | (read.lumaDepth & 7), 0xf8 | (read.chromaDepth & 7), 0]);
}

/** The parameter sets as NAL units with 4-byte lengths, as they may stand before a keyframe's own NAL units. */
export function parameterSetNals(config: AvcConfig): Buffer {
  return lengthPrefixed([...config.sps, ...config.pps]);
}

/** Decoding can start at a picture that has an IDR slice (ITU-T H.264 §7.4.1.2.4). */
export function isAvcKey(nals: readonly Buffer[]): boolean {
  return nals.some((nal) => ((nal[0] ?? 0) & 0x1f) === IDR);
}
