/** One `moof` and its `mdat` (ISO/IEC 14496-12 §8.8), written in one piece. Pure. */
import { NON_SYNC_FLAGS, SYNC_FLAGS, TRACK_ID } from './cmaf-header.js';

export interface PassedSample {
  /** Ticks. */
  readonly duration: number;
  /** Presentation behind decoding, ticks; may be negative. */
  readonly compositionOffset: number;
  readonly key: boolean;
  readonly payload: readonly Buffer[];
  readonly size: number;
}

const DEFAULT_BASE_IS_MOOF = 0x020000;
/** Data offset; duration, size, flags and composition offset of each sample. */
const VIDEO_RUN = 0x1 | 0x100 | 0x200 | 0x400 | 0x800;
/** Of sound, only what differs. */
const AUDIO_RUN = 0x1 | 0x100 | 0x200;
/** Version 1: composition offsets are signed. */
const SIGNED = 0x01000000;

export interface PassedFragment {
  readonly kind: 'video' | 'audio';
  readonly sequence: number;
  /** Of the first sample, ticks. */
  readonly decodeTime: number;
  readonly samples: readonly PassedSample[];
}

export function writeCmafFragment({ kind, sequence, decodeTime, samples }: PassedFragment): Buffer {
  const isVideo = kind === 'video';
  const moofBytes = 8 + 16 + 8 + 16 + 20 + 20 + samples.length * (isVideo ? 16 : 8);
  const mediaBytes = samples.reduce((sum, sample) => sum + sample.size, 0);
  const bytes = Buffer.allocUnsafe(moofBytes + 8 + mediaBytes);
  let at = head(bytes, 0, moofBytes, 'moof');
  at = fields(bytes, head(bytes, at, 16, 'mfhd'), 0, sequence);
  at = head(bytes, at, moofBytes - 24, 'traf');
  at = fields(bytes, head(bytes, at, 16, 'tfhd'), DEFAULT_BASE_IS_MOOF, TRACK_ID);
  at = bytes.writeBigUInt64BE(BigInt(decodeTime), fields(bytes, head(bytes, at, 20, 'tfdt'), SIGNED));
  at = head(bytes, at, moofBytes - at, 'trun');
  at = fields(bytes, at, SIGNED | (isVideo ? VIDEO_RUN : AUDIO_RUN), samples.length, moofBytes + 8);
  for (const sample of samples)
    at = isVideo ? picture(bytes, at, sample) : fields(bytes, at, sample.duration, sample.size);
  at = head(bytes, at, 8 + mediaBytes, 'mdat');
  for (const { payload } of samples) for (const piece of payload) at += piece.copy(bytes, at);
  return bytes;
}

function picture(bytes: Buffer, at: number, sample: PassedSample): number {
  const flags = sample.key ? SYNC_FLAGS : NON_SYNC_FLAGS;
  return bytes.writeInt32BE(sample.compositionOffset, fields(bytes, at, sample.duration, sample.size, flags));
}

function head(bytes: Buffer, at: number, size: number, type: string): number {
  bytes.writeUInt32BE(size, at);
  return at + 4 + bytes.write(type, at + 4, 'latin1');
}

function fields(bytes: Buffer, at: number, ...values: readonly number[]): number {
  let position = at;
  for (const value of values) position = bytes.writeUInt32BE(value, position);
  return position;
}
