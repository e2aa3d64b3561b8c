import { readEsds } from '../cmaf/esds.js';
import { FieldReader } from '../cmaf/field-reader.js';
import type { InitSegment } from '../cmaf/init-segment.js';

/** What every ADTS header of a track says (ISO/IEC 14496-3 §1.A.3.2): all that is coded in it beside the frame's length. */
export interface AdtsShape {
  /** Audio object type less one. */
  readonly profile: number;
  readonly rateIndex: number;
  readonly channels: number;
}

export const ADTS_BYTES = 7;
/** The length has 13 bits and counts the header. */
export const ADTS_PAYLOAD_MAX = 0x1fff - ADTS_BYTES;

const RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const LOW_COMPLEXITY = 2;

/**
 * Reads the AudioSpecificConfig (§1.6.2.1) in a track's `esds`. Of HE-AAC, ADTS tells the core alone; decoders find the rest in
 * the frames.
 *
 * @returns null for what ADTS has no word for: a rate that is not in its table, or channels that are described one by one.
 */
export function readAdtsShape({ decoderConfig }: InitSegment): AdtsShape | null {
  const { specificConfig } = readEsds(new FieldReader(decoderConfig, 0, decoderConfig.length));
  // Five bits of type, four of rate, 24 more where that is 15, four of channels: the first 37 bits as one number.
  const bits = Array.from(specificConfig.subarray(0, 5)).reduce((sum, byte) => sum * 256 + byte, 0);
  const whole = bits * 256 ** Math.max(0, 5 - specificConfig.length);
  const take = (from: number, count: number) => Math.floor(whole / 2 ** (40 - from - count)) % 2 ** count;
  const written = take(5, 4) === 15;
  const rateIndex = written ? RATES.indexOf(take(9, 24)) : take(5, 4);
  const channels = written ? take(33, 4) : take(9, 4);
  if (rateIndex < 0 || rateIndex >= RATES.length || channels < 1 || channels > 7) return null;
  return { profile: LOW_COMPLEXITY - 1, rateIndex, channels };
}

/** Writes the header of a frame of `payloadBytes`, without a CRC. @returns where the frame belongs. */
export function writeAdts(out: Buffer, at: number, shape: AdtsShape, payloadBytes: number): number {
  const { profile, rateIndex, channels } = shape;
  const length = payloadBytes + ADTS_BYTES;
  // Sync word, MPEG-4, layer 0, no CRC.
  out[at] = 0xff;
  out[at + 1] = 0xf1;
  out[at + 2] = (profile << 6) | (rateIndex << 2) | (channels >> 2);
  out[at + 3] = ((channels & 3) << 6) | (length >> 11);
  out[at + 4] = (length >> 3) & 0xff;
  // The fullness of the buffer is all ones: a variable rate. One frame behind the header.
  out[at + 5] = ((length & 7) << 5) | 0x1f;
  out[at + 6] = 0xfc;
  return at + ADTS_BYTES;
}
