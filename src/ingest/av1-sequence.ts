import type { BitReader } from './bit-reader.js';
import { believableRate, isHdrTransfer, isPictureSize, type PictureFacts } from './picture-facts.js';

const SELECT = 2;

/** Reads sequence_header_obu() (AV1 bitstream specification §5.5); null for an impossible picture. Throws OutOfBits. */
export function readAv1Sequence(bits: BitReader): PictureFacts | null {
  const profile = bits.bits(3);
  bits.skip(1);
  const reduced = bits.flag();
  const frameRate = reduced ? skipLevel(bits) : readTimingAndPoints(bits);
  const widthBits = bits.bits(4) + 1;
  const heightBits = bits.bits(4) + 1;
  const width = bits.bits(widthBits) + 1;
  const height = bits.bits(heightBits) + 1;
  if (!isPictureSize(width, height)) return null;
  skipTools(bits, reduced);
  const hdr = isHdrTransfer(readTransfer(bits, profile));
  return { width, height, sampleAspectRatio: 1, frameRate, interlaced: false, hdr };
}

function skipLevel(bits: BitReader): null {
  bits.skip(5);
  return null;
}

/** The answer is the frame rate, where the timing says one. */
function readTimingAndPoints(bits: BitReader): number | null {
  const hasTiming = bits.flag();
  const frameRate = hasTiming ? readTiming(bits) : null;
  const delayBits = hasTiming && bits.flag() ? readDecoderModel(bits) : 0;
  const hasDisplayDelay = bits.flag();
  const points = bits.bits(5) + 1;
  for (let point = 0; point < points; point++) {
    bits.skip(12);
    if (bits.bits(5) > 7) bits.skip(1);
    if (delayBits > 0 && bits.flag()) bits.skip(2 * delayBits + 1);
    if (hasDisplayDelay && bits.flag()) bits.skip(4);
  }
  return frameRate;
}

/** §5.5.3: without equal intervals the ticks say nothing of the rate. uvlc() is the code that H.264 calls ue(v). */
function readTiming(bits: BitReader): number | null {
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  return bits.flag() ? believableRate(timeScale, unitsInTick * (bits.unsignedGolomb() + 1)) : null;
}

/** §5.5.4; the answer is the length of the buffer delays. */
function readDecoderModel(bits: BitReader): number {
  const delayBits = bits.bits(5) + 1;
  bits.skip(32 + 5 + 5);
  return delayBits;
}

function skipTools(bits: BitReader, reduced: boolean): void {
  if (!reduced && bits.flag()) bits.skip(7);
  bits.skip(3);
  if (!reduced) skipInterTools(bits);
  bits.skip(3);
}

function skipInterTools(bits: BitReader): void {
  bits.skip(4);
  const hasOrderHint = bits.flag();
  if (hasOrderHint) bits.skip(2);
  const screenContent = bits.flag() ? SELECT : bits.bit();
  if (screenContent > 0 && !bits.flag()) bits.skip(1);
  if (hasOrderHint) bits.skip(3);
}

/** The start of color_config() (§5.5.2), as far as transfer_characteristics; 2 (not specified) where it is not told. */
function readTransfer(bits: BitReader, profile: number): number {
  const highDepth = bits.flag();
  if (profile === 2 && highDepth) bits.skip(1);
  if (profile !== 1) bits.skip(1);
  if (!bits.flag()) return 2;
  bits.skip(8);
  return bits.bits(8);
}
