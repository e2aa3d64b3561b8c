import { badMedia } from '../failure.js';
import { type Box, type ChildBox, childBoxes, onlyChild } from './box-reader.js';
import { FieldReader } from './field-reader.js';
import type { InitSegment, SampleDefaults } from './init-segment.js';

/** One sample's facts; `duration` and `compositionOffset` in ticks. */
export interface Sample {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
  readonly compositionOffset: number;
}

/** One `moof` and its `mdat`. Times in ticks of the track's timescale. */
export interface Fragment {
  readonly decodeTime: number;
  /** Of all samples together. */
  readonly duration: number;
  /** Presentation time of the first sample. */
  readonly presentationTime: number;
  /** Decoding can start at the first sample. */
  readonly key: boolean;
  readonly samples: readonly Sample[];
  /** As they came; null for a part of a fragment. */
  readonly boxes: readonly [moof: Buffer, mdat: Buffer] | null;
  /** The samples' bytes, in order. */
  readonly data: Buffer;
}

const SAMPLES_MAX = 65_536;
const NON_SYNC = 0x10000;

interface RunTable {
  readonly samples: Sample[];
  readonly dataOffset: number | null;
}

/** Reads a `moof` (ISO/IEC 14496-12 §8.8) and checks that `mdat` holds what it describes. Throws `origin.bad-fragment` or `origin.bad-box`. */
export function readFragment(moof: Box, mdat: Box, init: InitSegment): Fragment {
  const root: ChildBox = { type: 'moof', start: moof.payloadStart, end: moof.bytes.length };
  const traf = onlyChild(moof.bytes, root, 'traf');
  const defaults = readHeader(moof.bytes, onlyChild(moof.bytes, traf, 'tfhd'), init);
  const decodeTime = readDecodeTime(moof.bytes, onlyChild(moof.bytes, traf, 'tfdt'));
  const runs = childBoxes(moof.bytes, traf.start, traf.end)
    .filter((box) => box.type === 'trun')
    .map((trun) => readRun(moof.bytes, trun, defaults));
  const samples = runs.flatMap((run) => run.samples);
  const [first] = samples;
  if (first === undefined) throw badMedia('origin.bad-fragment', 'a fragment has no samples');
  if (samples.length > SAMPLES_MAX) throw badMedia('origin.bad-fragment', 'a fragment has too many samples');
  return {
    decodeTime,
    duration: samples.reduce((sum, sample) => sum + sample.duration, 0),
    presentationTime: decodeTime + first.compositionOffset,
    key: (first.flags & NON_SYNC) === 0,
    samples,
    boxes: [moof.bytes, mdat.bytes],
    data: locateData(moof, mdat, runs),
  };
}

function readHeader(bytes: Buffer, tfhd: ChildBox, init: InitSegment): SampleDefaults {
  const fields = new FieldReader(bytes, tfhd.start, tfhd.end);
  const { flags } = fields.versionAndFlags();
  if (fields.u32() !== init.trackId) throw badMedia('origin.bad-fragment', 'a fragment belongs to an unknown track');
  // Offsets from the start of the file mean nothing in a stream; CMAF forbids them (ISO/IEC 23000-19 §7.5.16).
  if (flags & 0x1) throw badMedia('origin.bad-fragment', 'a fragment counts its data from the start of the file');
  if (flags & 0x2) fields.skip(4);
  return {
    duration: flags & 0x8 ? fields.u32() : init.defaults.duration,
    size: flags & 0x10 ? fields.u32() : init.defaults.size,
    flags: flags & 0x20 ? fields.u32() : init.defaults.flags,
  };
}

function readDecodeTime(bytes: Buffer, tfdt: ChildBox): number {
  const fields = new FieldReader(bytes, tfdt.start, tfdt.end);
  return fields.versionAndFlags().version === 1 ? fields.u64() : fields.u32();
}

function readRun(bytes: Buffer, trun: ChildBox, defaults: SampleDefaults): RunTable {
  const fields = new FieldReader(bytes, trun.start, trun.end);
  const { version, flags } = fields.versionAndFlags();
  const count = fields.u32();
  if (count > SAMPLES_MAX) throw badMedia('origin.bad-fragment', `a fragment says that it has ${count} samples`);
  const dataOffset = flags & 0x1 ? fields.i32() : null;
  const firstFlags = flags & 0x4 ? fields.u32() : null;
  const samples: Sample[] = [];
  for (let index = 0; index < count; index += 1) {
    samples.push({
      duration: flags & 0x100 ? fields.u32() : defaults.duration,
      size: flags & 0x200 ? fields.u32() : defaults.size,
      flags: readFlags(fields, flags, index === 0 ? (firstFlags ?? defaults.flags) : defaults.flags),
      compositionOffset: flags & 0x800 ? (version === 0 ? fields.u32() : fields.i32()) : 0,
    });
  }
  return { samples, dataOffset };
}

function readFlags(fields: FieldReader, runFlags: number, otherwise: number): number {
  return runFlags & 0x400 ? fields.u32() : otherwise;
}

/** Offsets count from the moof's first byte; a run without one continues the run before it (§8.8.8). */
function locateData(moof: Box, mdat: Box, runs: readonly RunTable[]): Buffer {
  const start = runs[0]?.dataOffset ?? moof.bytes.length + mdat.payloadStart;
  let end = start;
  for (const run of runs) {
    if (run.dataOffset !== null && run.dataOffset !== end) {
      throw badMedia('origin.bad-fragment', 'the sample runs of a fragment do not follow one another');
    }
    end += run.samples.reduce((sum, sample) => sum + sample.size, 0);
  }
  if (start < moof.bytes.length + mdat.payloadStart || end > moof.bytes.length + mdat.bytes.length) {
    throw badMedia('origin.bad-fragment', 'a fragment describes data outside its mdat');
  }
  return mdat.bytes.subarray(start - moof.bytes.length, end - moof.bytes.length);
}
