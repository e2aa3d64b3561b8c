import { BitReader, OutOfBits } from './bit-reader.js';
import { readScalingLists, readShortTermSets } from './hevc-sps-lists.js';
import {
  believableRate,
  isPictureSize,
  type PictureFacts,
  readSharedUsability,
  type Usability,
} from './picture-facts.js';
import { rawPayload } from './raw-payload.js';

/** An HEVC sequence parameter set (ITU-T H.265 §7.3.2.2 and Annex E), as far as facts and hvcC need it. */
export interface HevcSps {
  readonly picture: PictureFacts;
  /** The 12 bytes of the general profile, tier and level (§7.3.3), as hvcC repeats them. */
  readonly profileTierLevel: Buffer;
  readonly chromaFormat: number;
  /** Bits beyond 8. */
  readonly lumaDepth: number;
  readonly chromaDepth: number;
  readonly temporalLayers: number;
  readonly temporalIdNested: boolean;
}

const SPS = 33;
const HEADER_BYTES = 2;
const PROFILE_TIER_LEVEL_BYTES = 12;
const LONG_TERM_MAX = 32;

/** Reads one SPS NAL unit (its two header bytes included); null where it is cut short or names an impossible picture. */
export function readHevcSps(nal: Buffer): HevcSps | null {
  if ((((nal[0] ?? 0) >> 1) & 0x3f) !== SPS) return null;
  const payload = rawPayload(nal.subarray(HEADER_BYTES));
  try {
    return readSpsBits(payload);
  } catch (error) {
    if (error instanceof OutOfBits) return null;
    throw error;
  }
}

function readSpsBits(payload: Buffer): HevcSps | null {
  const bits = new BitReader(payload);
  bits.skip(4);
  const subLayers = bits.bits(3);
  const temporalIdNested = bits.flag();
  const profileTierLevel = payload.subarray(1, 1 + PROFILE_TIER_LEVEL_BYTES);
  bits.skip(PROFILE_TIER_LEVEL_BYTES * 8);
  skipSubLayers(bits, subLayers);
  bits.unsignedGolomb();
  const chromaFormat = bits.unsignedGolomb();
  const separatePlanes = chromaFormat === 3 && bits.flag();
  const size = readSize(bits, separatePlanes ? 0 : chromaFormat);
  const lumaDepth = bits.unsignedGolomb();
  const chromaDepth = bits.unsignedGolomb();
  if (chromaFormat > 3 || lumaDepth > 8 || chromaDepth > 8 || !isPictureSize(size.width, size.height)) return null;
  const picture = { ...size, interlaced: isInterlaced(profileTierLevel), ...readUsabilityLeniently(bits, subLayers) };
  const temporalLayers = subLayers + 1;
  return { picture, profileTierLevel, chromaFormat, lumaDepth, chromaDepth, temporalLayers, temporalIdNested };
}

/** general_interlaced_source_flag without general_progressive_source_flag (§7.4.4). */
function isInterlaced(profileTierLevel: Buffer): boolean {
  return ((profileTierLevel[5] ?? 0) & 0xc0) === 0x40;
}

function skipSubLayers(bits: BitReader, count: number): void {
  if (count === 0) return;
  const present: { profile: boolean; level: boolean }[] = [];
  for (let layer = 0; layer < count; layer++) present.push({ profile: bits.flag(), level: bits.flag() });
  bits.skip((8 - count) * 2);
  for (const { profile, level } of present) bits.skip((profile ? 88 : 0) + (level ? 8 : 0));
}

/** §7.4.3.2.1: the conformance window counts in chroma samples. */
function readSize(bits: BitReader, chromaFormat: number): { width: number; height: number } {
  const width = bits.unsignedGolomb();
  const height = bits.unsignedGolomb();
  if (!bits.flag()) return { width, height };
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = chromaFormat === 1 ? 2 : 1;
  const cutX = bits.unsignedGolomb() + bits.unsignedGolomb();
  const cutY = bits.unsignedGolomb() + bits.unsignedGolomb();
  return { width: width - cutX * unitX, height: height - cutY * unitY };
}

/** What comes after the size only leads to the usability information: damage there costs that alone. */
function readUsabilityLeniently(bits: BitReader, subLayers: number): Usability {
  const usability: Usability = { sampleAspectRatio: 1, frameRate: null, hdr: false };
  try {
    skipCodingTools(bits, subLayers);
    if (bits.flag()) readUsability(bits, usability);
  } catch (error) {
    if (!(error instanceof OutOfBits)) throw error;
  }
  return usability;
}

function skipCodingTools(bits: BitReader, subLayers: number): void {
  const pictureOrderBits = bits.unsignedGolomb() + 4;
  if (pictureOrderBits > 16) throw new OutOfBits();
  const orderings = bits.flag() ? subLayers + 1 : 1;
  for (let field = 0; field < orderings * 3; field++) bits.unsignedGolomb();
  for (let field = 0; field < 6; field++) bits.unsignedGolomb();
  if (bits.flag() && bits.flag()) readScalingLists(bits);
  bits.skip(2);
  if (bits.flag()) {
    bits.skip(8);
    bits.unsignedGolomb();
    bits.unsignedGolomb();
    bits.skip(1);
  }
  readShortTermSets(bits);
  if (bits.flag()) {
    const count = bits.unsignedGolomb();
    if (count > LONG_TERM_MAX) throw new OutOfBits();
    bits.skip(count * (pictureOrderBits + 1));
  }
  bits.skip(2);
}

/** §E.2.1 and §E.3.1: here a picture takes one tick. */
function readUsability(bits: BitReader, usability: Usability): void {
  readSharedUsability(bits, usability);
  bits.skip(3);
  if (bits.flag()) for (let side = 0; side < 4; side++) bits.unsignedGolomb();
  if (!bits.flag()) return;
  const unitsInTick = bits.bits(32);
  usability.frameRate = believableRate(bits.bits(32), unitsInTick);
}
