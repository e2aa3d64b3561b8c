import type { VideoFacts } from '../media/source-facts.js';
import type { BitReader } from './bit-reader.js';

/** What a video codec's own headers say of the pictures: a source's facts without what only its container or its clock can tell. */
export type PictureFacts = Omit<VideoFacts, 'codec' | 'rotation' | 'keyIntervalMs'>;

/** What may stand in a sequence's usability information; each field keeps its default where it is not said. */
export interface Usability {
  sampleAspectRatio: number;
  frameRate: number | null;
  hdr: boolean;
}

const SIDE_MAX = 16_384;
const FRAME_RATE_MAX = 300;
const EXTENDED_SAR = 255;
const TRANSFER_PQ = 16;
const TRANSFER_HLG = 18;
/** ITU-T H.264 Table E-1 and H.265 Table E.1 alike: sample aspect ratio by aspect_ratio_idc from 1. */
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

/** True where a picture of this size is one that a ladder can take. */
export function isPictureSize(width: number, height: number): boolean {
  return width >= 2 && height >= 2 && width <= SIDE_MAX && height <= SIDE_MAX;
}

/** ISO/IEC 23091-2 transfer characteristics: PQ or HLG. */
export function isHdrTransfer(transfer: number): boolean {
  return transfer === TRANSFER_PQ || transfer === TRANSFER_HLG;
}

/** Frames per second, or null for rates that no camera makes. */
export function believableRate(frames: number, seconds: number): number | null {
  if (seconds <= 0) return null;
  const rate = frames / seconds;
  return rate >= 1 && rate <= FRAME_RATE_MAX ? rate : null;
}

/** The part of vui_parameters() that H.264 (§E.1.1) and H.265 (§E.2.1) share: up to and with the chroma location. */
export function readSharedUsability(bits: BitReader, usability: Usability): void {
  if (bits.flag()) usability.sampleAspectRatio = readSampleAspectRatio(bits);
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) {
      bits.skip(8);
      usability.hdr = isHdrTransfer(bits.bits(8));
      bits.skip(8);
    }
  }
  if (bits.flag()) {
    bits.unsignedGolomb();
    bits.unsignedGolomb();
  }
}

function readSampleAspectRatio(bits: BitReader): number {
  const idc = bits.bits(8);
  const [width, height] =
    idc === EXTENDED_SAR ? [bits.bits(16), bits.bits(16)] : (SAMPLE_ASPECT_RATIOS[idc - 1] ?? [1, 1]);
  return width > 0 && height > 0 ? width / height : 1;
}
