import { createFile, type ISOFile, type Sample } from 'mp4box';
import { expect } from 'vitest';
import type { KeptRendition, KeptSegment } from './kept-run.js';

/** mp4box, a parser that is not ours, on everything that a viewer was given of a rendition. */
export interface JudgedStretch {
  readonly kind: 'video' | 'audio';
  readonly codec: string;
  /** Of its samples. */
  readonly seconds: number;
  readonly samples: number;
}

/** EXTINF has five decimals. */
const ROUNDING_SEC = 0.00002;
const KNOWN_BOXES = new Set(['ftyp', 'moov', 'styp', 'prft', 'emsg', 'sidx', 'moof', 'mdat']);

/** One entry for each header and the segments that follow it. Fails where a box, a time or a duration is not as it should be. */
export function judgeBoxes({ segments, inits }: KeptRendition): JudgedStretch[] {
  const stretches: KeptSegment[][] = [];
  for (const segment of segments.values()) {
    if (segment.gap) continue;
    const open = stretches.at(-1);
    if (open?.at(-1)?.initUri === segment.initUri) open.push(segment);
    else stretches.push([segment]);
  }
  return stretches.map((stretch) => judgeStretch(inits.get(stretch[0]?.initUri ?? '') ?? Buffer.alloc(0), stretch));
}

function judgeStretch(init: Buffer, segments: readonly KeptSegment[]): JudgedStretch {
  const bytes = Buffer.concat([init, ...segments.map((segment) => segment.bytes)]);
  const file = parsed(bytes);
  const { tracks, isFragmented, hasMoov } = file.getInfo();
  const [track] = tracks;
  expect({ tracks: tracks.length, isFragmented, hasMoov }).toEqual({ tracks: 1, isFragmented: true, hasMoov: true });
  if (track === undefined) throw new Error('no track');
  const kind = track.type === 'audio' ? 'audio' : 'video';
  const samples = file.getTrackSamplesInfo(track.id);
  expectContiguous(samples);
  expectDecodeTimes(file.moofs, samples);
  let at = init.length;
  for (const segment of segments) {
    const own = samples.filter(({ offset }) => offset >= at && offset < at + segment.bytes.length);
    expectSegment(segment, own);
    at += segment.bytes.length;
  }
  return { kind, codec: track.codec, seconds: secondsOf(samples), samples: samples.length };
}

function parsed(bytes: Buffer): ISOFile {
  const file = createFile(true);
  file.onError = (module, message) => {
    throw new Error(`${module}: ${message}`);
  };
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  file.appendBuffer(Object.assign(copy, { fileStart: 0 }) as Parameters<ISOFile['appendBuffer']>[0]);
  file.flush();
  expect(file.boxes.filter(({ type }) => !KNOWN_BOXES.has(type ?? ''))).toEqual([]);
  // Read to the last byte: nothing is cut short, nothing lies between boxes.
  expect(file.boxes.reduce((sum, { size }) => sum + size, 0)).toBe(bytes.length);
  return file;
}

/** Each sample begins where the one before it ends. */
function expectContiguous(samples: readonly Sample[]): void {
  samples.forEach(({ dts, duration, size }, index) => {
    const before = samples[index - 1];
    expect(duration, `sample ${index}`).toBeGreaterThan(0);
    expect(size, `sample ${index}`).toBeGreaterThan(0);
    if (before !== undefined) expect(dts, `sample ${index}`).toBe(before.dts + before.duration);
  });
}

/** Every fragment says when it begins (tfdt), which is the first of its samples. */
function expectDecodeTimes(moofs: ISOFile['moofs'], samples: readonly Sample[]): void {
  let at = 0;
  for (const { trafs } of moofs) {
    expect(trafs).toHaveLength(1);
    const [traf] = trafs;
    expect(traf?.tfdt.baseMediaDecodeTime).toBe(samples[at]?.dts);
    at += traf?.truns.reduce((sum, { sample_count }) => sum + sample_count, 0) ?? 0;
  }
  expect(at).toBe(samples.length);
}

function expectSegment({ uri, durationSec, bytes }: KeptSegment, samples: readonly Sample[]): void {
  expect(samples.length, uri).toBeGreaterThan(0);
  expect(samples[0]?.is_sync, uri).toBe(true);
  expect(Math.abs(secondsOf(samples) - durationSec), uri).toBeLessThan(ROUNDING_SEC);
  expect(
    samples.reduce((sum, { size }) => sum + size, 0),
    uri,
  ).toBeLessThan(bytes.length);
}

const secondsOf = (samples: readonly Sample[]): number =>
  samples.reduce((sum, { duration, timescale }) => sum + duration / timescale, 0);
