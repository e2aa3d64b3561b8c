import { BitReader, OutOfBits } from './bit-reader.js';

/** What an H.264 sequence parameter set says about the pictures (ITU-T H.264 §7.3.2.1.1 and Annex E). */
export interface SpsFacts {
  /** Pixels, after cropping. */
  readonly width: number;
  readonly height: number;
  readonly sampleAspectRatio: number;
  /** Frames per second from the VUI timing, null where it says nothing believable. */
  readonly frameRate: number | null;
  readonly interlaced: boolean;
  /** PQ or HLG transfer characteristics. */
  readonly hdr: boolean;
}

const SIDE_MAX = 16_384;
const FRAME_RATE_MAX = 300;
const EXTENDED_SAR = 255;
const TRANSFER_PQ = 16;
const TRANSFER_HLG = 18;
/** Profiles that carry chroma format and scaling matrices (§7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** Table E-1, sample aspect ratio by aspect_ratio_idc from 1. */
const SAMPLE_ASPECT_RATIOS: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];

/** Reads one SPS NAL unit (header byte included); null where it is cut short or names an impossible picture. */
export function readSps(nal: Buffer): SpsFacts | null {
  if (((nal[0] ?? 0) & 0x1f) !== 7) return null;
  try {
    return readSpsBits(new BitReader(withoutEmulationPrevention(nal.subarray(1))));
  } catch (error) {
    if (error instanceof OutOfBits) return null;
    throw error;
  }
}

/** Takes out the 3 of each 0 0 3 (§7.4.1), so that the payload reads as plain bits. */
function withoutEmulationPrevention(bytes: Buffer): Buffer {
  const plain = Buffer.alloc(bytes.length);
  let length = 0;
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    plain[length++] = byte;
  }
  return plain.subarray(0, length);
}

function readSpsBits(bits: BitReader): SpsFacts | null {
  const profile = bits.bits(8);
  bits.skip(16);
  bits.unsignedGolomb();
  const chroma = HIGH_PROFILES.has(profile) ? readHighProfile(bits) : { format: 1, separatePlanes: false };
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
  if (width < 2 || height < 2 || width > SIDE_MAX || height > SIDE_MAX) return null;
  return { width, height, interlaced: !frameMbsOnly, ...readVuiLeniently(bits) };
}

interface Chroma {
  readonly format: number;
  readonly separatePlanes: boolean;
}

function readHighProfile(bits: BitReader): Chroma {
  const format = bits.unsignedGolomb();
  const separatePlanes = format === 3 && bits.flag();
  bits.unsignedGolomb();
  bits.unsignedGolomb();
  bits.skip(1);
  if (bits.flag()) {
    const lists = format === 3 ? 12 : 8;
    for (let list = 0; list < lists; list++) if (bits.flag()) skipScalingList(bits, list < 6 ? 16 : 64);
  }
  return { format, separatePlanes };
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
  const planar = chroma.separatePlanes || chroma.format === 0;
  const unitX = !planar && chroma.format < 3 ? 2 : 1;
  const unitY = (!planar && chroma.format === 1 ? 2 : 1) * fieldFactor;
  return { x: (left + right) * unitX, y: (top + bottom) * unitY };
}

type Vui = Pick<SpsFacts, 'sampleAspectRatio' | 'frameRate' | 'hdr'>;

/** A VUI that is cut short costs what it would have said, not the picture size before it. */
function readVuiLeniently(bits: BitReader): Vui {
  const vui = { sampleAspectRatio: 1, frameRate: null as number | null, hdr: false };
  try {
    if (bits.flag()) readVui(bits, vui);
  } catch (error) {
    if (!(error instanceof OutOfBits)) throw error;
  }
  return vui;
}

function readVui(bits: BitReader, vui: { -readonly [Key in keyof Vui]: Vui[Key] }): void {
  if (bits.flag()) vui.sampleAspectRatio = readSampleAspectRatio(bits);
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) {
      bits.skip(8);
      const transfer = bits.bits(8);
      vui.hdr = transfer === TRANSFER_PQ || transfer === TRANSFER_HLG;
      bits.skip(8);
    }
  }
  if (bits.flag()) {
    bits.unsignedGolomb();
    bits.unsignedGolomb();
  }
  if (bits.flag()) vui.frameRate = readTiming(bits);
}

function readSampleAspectRatio(bits: BitReader): number {
  const idc = bits.bits(8);
  const [width, height] =
    idc === EXTENDED_SAR ? [bits.bits(16), bits.bits(16)] : (SAMPLE_ASPECT_RATIOS[idc - 1] ?? [1, 1]);
  return width > 0 && height > 0 ? width / height : 1;
}

/** §E.2.1: one frame takes two ticks. Rates that no camera makes are taken as not given. */
function readTiming(bits: BitReader): number | null {
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  if (unitsInTick === 0) return null;
  const rate = timeScale / (2 * unitsInTick);
  return rate >= 1 && rate <= FRAME_RATE_MAX ? rate : null;
}
