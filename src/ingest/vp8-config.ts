import { isPictureSize, type PictureFacts } from './picture-facts.js';

const HEAD_BYTES = 10;
const START_CODE = 0x9d012a;
/** The tag's lowest 5 bits: kind of frame, version, shown. The other 19 are the first partition's length. */
const TAG_MASK = 0x1f;

/** Reads the size of a VP8 key frame (RFC 6386 §9.1); null for any other frame, and for one that is cut short. */
export function readVp8KeyFrame(data: Buffer): PictureFacts | null {
  if (data.length < HEAD_BYTES || ((data[0] ?? 0) & 1) === 1 || data.readUIntBE(3, 3) !== START_CODE) return null;
  const width = data.readUInt16LE(6) & 0x3fff;
  const height = data.readUInt16LE(8) & 0x3fff;
  if (!isPictureSize(width, height)) return null;
  return { width, height, sampleAspectRatio: 1, frameRate: null, interlaced: false, hdr: false };
}

/**
 * The decoder config that a key frame amounts to, null where it is none. Equal for all key frames of one size and version:
 * the length in the tag is left out.
 */
export function writeVp8Config(keyFrame: Buffer): Buffer | null {
  if (readVp8KeyFrame(keyFrame) === null) return null;
  const config = Buffer.from(keyFrame.subarray(0, HEAD_BYTES));
  config[0] = (config[0] ?? 0) & TAG_MASK;
  config.fill(0, 1, 3);
  return config;
}
