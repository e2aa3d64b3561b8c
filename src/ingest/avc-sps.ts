import { BitReader, OutOfBits } from './bit-reader.js';
import {
  believableRate,
  isPictureSize,
  type PictureFacts,
  readSharedUsability,
  type Usability,
} from './picture-facts.js';
import { rawPayload } from './raw-payload.js';

/** Profiles that carry chroma format and scaling matrices (§7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** What avcC says of the samples beside the parameter sets (ISO/IEC 14496-15 §5.3.3.1.2). */
export interface AvcSamples {
  /** 0 is monochrome, 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4. */
  readonly chromaFormat: number;
  /** Bits beyond 8. */
  readonly lumaDepth: number;
  readonly chromaDepth: number;
}

/**
 * Reads one H.264 sequence parameter set (ITU-T H.264 §7.3.2.1.1 and Annex E), its header byte included; null where it is
 * cut short or names an impossible picture.
 */
export function readSps(nal: Buffer): PictureFacts | null {
  return readBits(nal, readSpsBits);
}

/** Null for the profiles that can only be 4:2:0 in 8 bits, and where the set is cut short. */
export function readAvcSamples(nal: Buffer): AvcSamples | null {
  return readBits(nal, (bits) => {
    const profile = readProfile(bits);
    return HIGH_PROFILES.has(profile) ? readHighProfile(bits) : null;
  });
}

function readBits<Answer>(nal: Buffer, read: (bits: BitReader) => Answer | null): Answer | null {
  if (((nal[0] ?? 0) & 0x1f) !== 7) return null;
  try {
    return read(new BitReader(rawPayload(nal.subarray(1))));
  } catch (error) {
    if (error instanceof OutOfBits) return null;
    throw error;
  }
}

/** profile_idc, past the constraints, the level and the set's own id. */
function readProfile(bits: BitReader): number {
  const profile = bits.bits(8);
  bits.skip(16);
  bits.unsignedGolomb();
  return profile;
}

function readSpsBits(bits: BitReader): PictureFacts | null {
  const chroma = HIGH_PROFILES.has(readProfile(bits)) ? readHighProfile(bits) : PLAIN_CHROMA;
  skipPictureOrder(bits);
  bits.unsignedGolomb();
  bits.skip(1);
  const widthInMbs = bits.unsignedGolomb() + 1;
  const heightInMapUnits = bits.unsignedGolomb() + 1;
  const frameMbsOnly = bits.flag();
  if (!frameMbsOnly) bits.skip(1);
  bits.skip(1);
  const fieldFactor = frameMbsOnly ? 1 : 2;
  const crop = bits.flag() ? readCrop(bits, chroma, fieldFactor) : { x: 0, y: 0 };
  const width = widthInMbs * 16 - crop.x;
  const height = heightInMapUnits * 16 * fieldFactor - crop.y;
  if (!isPictureSize(width, height)) return null;
  return { width, height, interlaced: !frameMbsOnly, ...readVuiLeniently(bits) };
}

interface Chroma extends AvcSamples {
  readonly separatePlanes: boolean;
}

const PLAIN_CHROMA: Chroma = { chromaFormat: 1, separatePlanes: false, lumaDepth: 0, chromaDepth: 0 };

function readHighProfile(bits: BitReader): Chroma {
  const chromaFormat = bits.unsignedGolomb();
  const separatePlanes = chromaFormat === 3 && bits.flag();
  const lumaDepth = bits.unsignedGolomb();
  const chromaDepth = bits.unsignedGolomb();
  bits.skip(1);
  if (bits.flag()) {
    const lists = chromaFormat === 3 ? 12 : 8;
    for (let list = 0; list < lists; list++) if (bits.flag()) skipScalingList(bits, list < 6 ? 16 : 64);
  }
  return { chromaFormat, separatePlanes, lumaDepth, chromaDepth };
}

/** §7.3.2.1.1.1: the list ends early in the bitstream once nextScale becomes 0. */
function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let index = 0; index < size; index++) {
    if (next !== 0) next = (((last + bits.signedGolomb()) % 256) + 256) % 256;
    if (next !== 0) last = next;
  }
}

function skipPictureOrder(bits: BitReader): void {
  bits.unsignedGolomb();
  const type = bits.unsignedGolomb();
  if (type === 0) bits.unsignedGolomb();
  if (type !== 1) return;
  bits.skip(1);
  bits.signedGolomb();
  bits.signedGolomb();
  const cycle = bits.unsignedGolomb();
  if (cycle > 255) throw new OutOfBits();
  for (let index = 0; index < cycle; index++) bits.signedGolomb();
}

/** §7.4.2.1.1: crop offsets count in chroma samples, and in field lines where the picture may be two fields. */
function readCrop(bits: BitReader, chroma: Chroma, fieldFactor: number): { x: number; y: number } {
  const [left, right, top, bottom] = [
    bits.unsignedGolomb(),
    bits.unsignedGolomb(),
    bits.unsignedGolomb(),
    bits.unsignedGolomb(),
  ];
  const planar = chroma.separatePlanes || chroma.chromaFormat === 0;
  const unitX = !planar && chroma.chromaFormat < 3 ? 2 : 1;
  const unitY = (!planar && chroma.chromaFormat === 1 ? 2 : 1) * fieldFactor;
  return { x: (left + right) * unitX, y: (top + bottom) * unitY };
}

/** Usability information that is cut short costs what it would have said, not the picture size before it. */
function readVuiLeniently(bits: BitReader): Usability {
  const usability: Usability = { sampleAspectRatio: 1, frameRate: null, hdr: false };
  try {
    if (bits.flag()) readVui(bits, usability);
  } catch (error) {
    if (!(error instanceof OutOfBits)) throw error;
  }
  return usability;
}

/** §E.2.1: one frame takes two ticks. */
function readVui(bits: BitReader, usability: Usability): void {
  readSharedUsability(bits, usability);
  if (!bits.flag()) return;
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  usability.frameRate = believableRate(timeScale, 2 * unitsInTick);
}
