import { BitReader, OutOfBits } from './bit-reader.js';
import { isHdrTransfer, isPictureSize, type PictureFacts } from './picture-facts.js';

/** What the uncompressed header of a VP9 key frame says (VP9 bitstream specification §6.2). */
export interface Vp9KeyFrame {
  readonly width: number;
  readonly height: number;
  readonly profile: number;
  readonly bitDepth: number;
  /** As vpcC codes it: 0 and 1 are 4:2:0, 2 is 4:2:2, 3 is 4:4:4. */
  readonly chroma: number;
}

const FRAME_MARKER = 2;
const SYNC_CODE = 0x498342;
const SRGB = 7;
/** Profile, level, depth and chroma and range, primaries, transfer, matrix. */
const VPCC_BYTES = 6;
const CONFIG_BYTES = VPCC_BYTES + 4;
/** ISO/IEC 23091-2: not specified. */
const UNSPECIFIED = 2;

/** Null for a frame that is no key frame, or cut short. */
export function readVp9KeyFrame(data: Buffer): Vp9KeyFrame | null {
  try {
    return readKeyFrame(new BitReader(data));
  } catch (error) {
    if (error instanceof OutOfBits) return null;
    throw error;
  }
}

function readKeyFrame(bits: BitReader): Vp9KeyFrame | null {
  if (bits.bits(2) !== FRAME_MARKER) return null;
  const profile = bits.bit() + bits.bit() * 2;
  if (profile === 3) bits.skip(1);
  const repeatsAnother = bits.flag();
  if (repeatsAnother || bits.flag()) return null;
  bits.skip(2);
  if (bits.bits(24) !== SYNC_CODE) return null;
  const colour = readColour(bits, profile);
  const width = bits.bits(16) + 1;
  const height = bits.bits(16) + 1;
  return isPictureSize(width, height) ? { width, height, profile, ...colour } : null;
}

/** §6.2.2; profiles 1 and 3 are the ones that may have other chroma than 4:2:0. */
function readColour(bits: BitReader, profile: number): { bitDepth: number; chroma: number } {
  const bitDepth = profile >= 2 ? (bits.flag() ? 12 : 10) : 8;
  const anyChroma = (profile & 1) === 1;
  if (bits.bits(3) === SRGB) {
    if (anyChroma) bits.skip(1);
    return { bitDepth, chroma: 3 };
  }
  bits.skip(1);
  if (!anyChroma) return { bitDepth, chroma: 1 };
  const halfWidth = bits.flag();
  const halfHeight = bits.flag();
  bits.skip(1);
  return { bitDepth, chroma: halfWidth ? (halfHeight ? 1 : 2) : 3 };
}

/**
 * The decoder config of a VP9 track: what the source's own vpcC says (its fields after version and flags; null where it
 * sent none), and the size of a key frame. Null where `keyFrame` is none.
 */
export function writeVp9Config(vpcc: Buffer | null, keyFrame: Buffer): Buffer | null {
  const key = readVp9KeyFrame(keyFrame);
  if (key === null) return null;
  const config = Buffer.alloc(CONFIG_BYTES);
  if (vpcc !== null && vpcc.length >= VPCC_BYTES) vpcc.copy(config, 0, 0, VPCC_BYTES);
  else Buffer.from([key.profile, 0, (key.bitDepth << 4) | (key.chroma << 1), 2, UNSPECIFIED, 2]).copy(config);
  config.writeUInt16BE(key.width, VPCC_BYTES);
  config.writeUInt16BE(key.height, VPCC_BYTES + 2);
  return config;
}

/** Null where the config is cut short, or names an impossible picture. */
export function readVp9Config(config: Buffer): PictureFacts | null {
  if (config.length < CONFIG_BYTES) return null;
  const width = config.readUInt16BE(VPCC_BYTES);
  const height = config.readUInt16BE(VPCC_BYTES + 2);
  if (!isPictureSize(width, height)) return null;
  return {
    width,
    height,
    sampleAspectRatio: 1,
    frameRate: null,
    interlaced: false,
    hdr: isHdrTransfer(config[4] ?? 0),
  };
}
