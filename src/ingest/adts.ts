import { aacSampleRate } from './aac-config.js';

/** The AAC that a run of ADTS frames (ISO/IEC 14496-3 §1.A.2.2) holds. */
export interface AdtsRun {
  /** Raw access units, 1024 samples each; views into the bytes. */
  readonly frames: Buffer[];
  /** The AudioSpecificConfig that the headers amount to. */
  readonly config: Buffer;
  /** Hz of the core: HE-AAC plays at twice that. */
  readonly sampleRate: number;
  /** A last frame that is not whole: it goes before the bytes that follow. At most 8,190 bytes. */
  readonly rest: Buffer;
}

interface AdtsHeader {
  /** Profile, rate and channels: what makes up the config. */
  readonly objectType: number;
  readonly rateIndex: number;
  readonly channels: number;
  readonly headBytes: number;
  readonly frameBytes: number;
}

const HEADER_BYTES = 7;
const CRC_BYTES = 2;

/**
 * Reads AAC frames out of ADTS, past damage to the next header that can be one; null where there is none. The first header
 * says what the run is: frames of another rate, profile or channel count are left out of it.
 */
export function readAdts(bytes: Buffer): AdtsRun | null {
  let at = findHeader(bytes, 0, null);
  const first = readHeader(bytes, at);
  if (first === null) return null;
  const frames: Buffer[] = [];
  for (let header: AdtsHeader | null = first; header !== null; header = readHeader(bytes, at)) {
    const end = at + header.frameBytes;
    if (end > bytes.length) break;
    frames.push(bytes.subarray(at + header.headBytes, end));
    at = findHeader(bytes, end, first);
  }
  return { frames, config: writeConfig(first), sampleRate: aacSampleRate(first.rateIndex), rest: bytes.subarray(at) };
}

/** Where the next header of the run (or of any, without one) begins, or might once more bytes have come. */
function findHeader(bytes: Buffer, from: number, run: AdtsHeader | null): number {
  let at = bytes.indexOf(0xff, from);
  while (at !== -1 && bytes.length - at >= HEADER_BYTES) {
    const header = readHeader(bytes, at);
    if (header !== null && (run === null || isSameRun(run, header))) return at;
    at = bytes.indexOf(0xff, at + 1);
  }
  return at === -1 ? bytes.length : at;
}

/** Null also where a frame holds several raw blocks, which can't be told apart without decoding. */
function readHeader(bytes: Buffer, at: number): AdtsHeader | null {
  if (at + HEADER_BYTES > bytes.length || bytes[at] !== 0xff) return null;
  const flags = bytes[at + 1] ?? 0;
  if ((flags & 0xf6) !== 0xf0) return null;
  const headBytes = HEADER_BYTES + ((flags & 1) === 1 ? 0 : CRC_BYTES);
  const profile = bytes.readUInt16BE(at + 2);
  const frameBytes = (bytes.readUInt32BE(at + 3) >> 13) & 0x1fff;
  const rawBlocks = (bytes[at + 6] ?? 0) & 3;
  const rateIndex = (profile >> 10) & 15;
  if (aacSampleRate(rateIndex) === 0 || frameBytes <= headBytes || rawBlocks !== 0) return null;
  return { objectType: (profile >> 14) + 1, rateIndex, channels: (profile >> 6) & 7, headBytes, frameBytes };
}

function isSameRun(run: AdtsHeader, other: AdtsHeader): boolean {
  return run.objectType === other.objectType && run.rateIndex === other.rateIndex && run.channels === other.channels;
}

/** AudioSpecificConfig with an empty GASpecificConfig (§1.6.2.1 and §4.4.1). */
function writeConfig(header: AdtsHeader): Buffer {
  const config = Buffer.alloc(2);
  config.writeUInt16BE((header.objectType << 11) | (header.rateIndex << 7) | (header.channels << 3));
  return config;
}
