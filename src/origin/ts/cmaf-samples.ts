import { type Box, BoxReader } from '../cmaf/box-reader.js';
import { readFragment } from '../cmaf/fragment.js';
import { type InitSegment, readInitSegment } from '../cmaf/init-segment.js';
import { badMedia } from '../failure.js';
import { to90k } from './clock-90k.js';

/** One coded picture or block of sound. Times in ticks of 90 kHz, as large as they are. */
export interface TimedSample {
  readonly dts: number;
  /** Never before `dts`. */
  readonly pts: number;
  /** Where the next one would be decoded. */
  readonly endDts: number;
  /** Decoding can start here. */
  readonly key: boolean;
  /** As it lies in the segment. */
  readonly data: Buffer;
}

/** Reads a CMAF header. Throws `origin.bad-init` or `origin.bad-box`. */
export function readInit(bytes: Buffer): InitSegment {
  const boxes = wholeBoxes(bytes);
  const [ftyp, moov] = ['ftyp', 'moov'].map((type) => boxes.find((box) => box.type === type));
  if (ftyp === undefined || moov === undefined) throw badMedia('origin.bad-init', 'a header lacks its ftyp or moov');
  return readInitSegment(ftyp, moov);
}

/** All samples of a segment, in the order of decoding. Throws `origin.bad-fragment` or `origin.bad-box`. */
export function readSamples(segment: Buffer, init: InitSegment): TimedSample[] {
  const samples: TimedSample[] = [];
  let moof: Box | null = null;
  for (const box of wholeBoxes(segment)) {
    if (box.type === 'moof') moof = box;
    if (box.type !== 'mdat') continue;
    if (moof === null) throw badMedia('origin.bad-fragment', 'media data came without its moof');
    addSamples(samples, moof, box, init);
    moof = null;
  }
  return decodedInTime(samples);
}

function wholeBoxes(bytes: Buffer): Box[] {
  const reader = new BoxReader();
  const boxes = [...reader.push(bytes)];
  if (!reader.atBoundary) throw badMedia('origin.bad-box', 'a segment ends in the middle of a box');
  return boxes;
}

function addSamples(samples: TimedSample[], moof: Box, mdat: Box, init: InitSegment): void {
  const { timescale } = init;
  const fragment = readFragment(moof, mdat, init);
  let [time, offset] = [fragment.decodeTime, 0];
  for (const { duration, size, flags, compositionOffset } of fragment.samples) {
    samples.push({
      dts: to90k(time, timescale),
      pts: to90k(time + compositionOffset, timescale),
      endDts: to90k(time + duration, timescale),
      key: (flags & NON_SYNC) === 0,
      data: fragment.data.subarray(offset, offset + size),
    });
    time += duration;
    offset += size;
  }
}

/**
 * A picture cannot be shown before it is decoded (ISO/IEC 13818-1 §2.7.5). Where CMAF's negative offsets say so, the segment's
 * are decoded earlier by as much as the encoder reorders.
 */
function decodedInTime(samples: readonly TimedSample[]): TimedSample[] {
  const late = samples.reduce((most, { dts, pts }) => Math.max(most, dts - pts), 0);
  if (late === 0) return [...samples];
  return samples.map((sample) => ({ ...sample, dts: sample.dts - late, endDts: sample.endDts - late }));
}

/** `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1). */
const NON_SYNC = 0x10000;
