import { badMedia } from '../failure.js';
import type { Fragment, Sample } from './fragment.js';

const DEFAULT_BASE_IS_MOOF = 0x020000;
const DEFAULT_DURATION = 0x8;
const DEFAULT_FLAGS = 0x20;
const HAS_OFFSET = 0x1;
const HAS_DURATION = 0x100;
const HAS_SIZE = 0x200;

/**
 * Writes fragments that follow one another without a gap as a single `moof` and `mdat`.
 *
 * An encoder that flushes every AAC frame spends a `moof` on each, 40 kb/s in all; a quarter of a second to a `moof`
 * spends 5. For audio alone: samples must be sync samples without composition offsets.
 */
export function mergeFragments(fragments: readonly Fragment[], trackId: number, sequence: number): Buffer {
  const [first] = fragments;
  if (first === undefined) throw new Error('mergeFragments needs at least one fragment');
  const samples = fragments.flatMap((fragment) => fragment.samples);
  if (samples.some((sample) => sample.compositionOffset !== 0 || sample.flags !== first.samples[0]?.flags)) {
    throw badMedia('origin.bad-fragment', 'audio samples differ in flags or are reordered');
  }
  const data = fragments.map((fragment) => fragment.data);
  const moof = writeMoof(samples, trackId, sequence, first.decodeTime);
  const mdatHeader = Buffer.alloc(8);
  mdatHeader.writeUInt32BE(8 + data.reduce((sum, bytes) => sum + bytes.length, 0), 0);
  mdatHeader.write('mdat', 4, 'latin1');
  return Buffer.concat([moof, mdatHeader, ...data]);
}

function writeMoof(samples: readonly Sample[], trackId: number, sequence: number, decodeTime: number): Buffer {
  const duration = samples[0]?.duration ?? 0;
  const uniform = samples.every((sample) => sample.duration === duration);
  const runBytes = 20 + samples.length * (uniform ? 4 : 8);
  const total = 8 + 16 + 8 + 24 + 20 + runBytes;
  const mfhd = fullBox('mfhd', 0, 0, u32(sequence));
  const tfhdFlags = DEFAULT_BASE_IS_MOOF | DEFAULT_DURATION | DEFAULT_FLAGS;
  const tfhd = fullBox('tfhd', 0, tfhdFlags, u32(trackId), u32(duration), u32(samples[0]?.flags ?? 0));
  const tfdt = fullBox('tfdt', 1, 0, u64(decodeTime));
  const trun = writeRun(samples, uniform, total + 8);
  const moof = box('moof', mfhd, box('traf', tfhd, tfdt, trun));
  if (moof.length !== total) throw new Error(`a moof of ${moof.length} bytes was announced as ${total}`);
  return moof;
}

function writeRun(samples: readonly Sample[], uniform: boolean, dataOffset: number): Buffer {
  const flags = HAS_OFFSET | HAS_SIZE | (uniform ? 0 : HAS_DURATION);
  const table = samples.flatMap((sample) => (uniform ? [u32(sample.size)] : [u32(sample.duration), u32(sample.size)]));
  return fullBox('trun', 0, flags, u32(samples.length), u32(dataOffset), ...table);
}

function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + parts.reduce((sum, part) => sum + part.length, 0), 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, ...parts]);
}

function fullBox(type: string, version: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  return box(type, u32(version * 0x1000000 + flags), ...parts);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value), 0);
  return bytes;
}
