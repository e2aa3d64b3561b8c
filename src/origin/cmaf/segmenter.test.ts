import type { Readable } from 'node:stream';
import { createFile, type ISOFile } from 'mp4box';
import { beforeAll, describe, expect, it } from 'vitest';
import { GridLines, KeyLines } from './cut-lines.js';
import { runLadder, TIMELINE_OFFSET_SEC } from './ffmpeg-live.fixture.js';
import type { InitSegment } from './init-segment.js';
import { type CutSegment, Segmenter } from './segmenter.js';

interface Cut {
  init: InitSegment;
  segments: CutSegment[];
  raw: Buffer;
}

async function cut(stream: Readable, kind: 'video' | 'audio'): Promise<Cut> {
  const segmenter = new Segmenter({
    kind,
    lines: new GridLines(2),
    timelineOffsetSec: TIMELINE_OFFSET_SEC,
    segmentBytesMax: 8 << 20,
  });
  const segments: CutSegment[] = [];
  const raw: Buffer[] = [];
  let init: InitSegment | null = null;
  const take = (events: Iterable<import('./segmenter.js').SegmenterEvent>) => {
    for (const event of events) {
      if (event.kind === 'init') init = event.init;
      if (event.kind === 'segment') segments.push(event.segment);
    }
  };
  for await (const piece of stream as AsyncIterable<Buffer>) {
    raw.push(piece);
    // Cut anywhere: boxes must not depend on how the pipe delivers them.
    for (let at = 0; at < piece.length; at += 1009) take(segmenter.push(piece.subarray(at, at + 1009)));
  }
  take(segmenter.end());
  if (init === null) throw new Error('no init came');
  return { init, segments, raw: Buffer.concat(raw) };
}

/** What mp4box, a parser that is not ours, finds in a track. */
function oracle(bytes: Buffer): {
  file: ISOFile;
  samples: { dts: number; duration: number; size: number; data: Buffer }[];
} {
  const file = createFile(true);
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer & {
    fileStart: number;
  };
  copy.fileStart = 0;
  file.appendBuffer(copy as Parameters<ISOFile['appendBuffer']>[0]);
  file.flush();
  const samples = file.getTrackSamplesInfo(1).map((sample) => ({
    dts: sample.dts,
    duration: sample.duration,
    size: sample.size,
    data: bytes.subarray(sample.offset, sample.offset + sample.size),
  }));
  return { file, samples };
}

describe('the segmenter on what ffmpeg writes for a live ladder', () => {
  let high: Cut;
  let low: Cut;
  let audio: Cut;

  beforeAll(async () => {
    const ladder = runLadder({ seconds: 7 });
    [high, low, audio] = await Promise.all([
      cut(ladder.pipes.v180, 'video'),
      cut(ladder.pipes.v90, 'video'),
      cut(ladder.pipes.audio, 'audio'),
    ]);
    await ladder.done;
  });

  it('reads the codec, shape and clock of each track', () => {
    expect(high.init).toMatchObject({ kind: 'video', timescale: 90000, width: 320, height: 180 });
    expect(high.init.codecs).toBe(oracle(high.raw).file.getInfo().tracks[0]?.codec);
    expect(low.init).toMatchObject({ width: 160, height: 90 });
    expect(audio.init).toMatchObject({ kind: 'audio', timescale: 48000, codecs: 'mp4a.40.2', sampleRate: 48000 });
  });

  it('cuts video at the keys on the grid', () => {
    for (const { segments } of [high, low]) {
      expect(segments.map((segment) => segment.slot)).toEqual([0, 1, 2, 3]);
      expect(segments.map((segment) => segment.start)).toEqual([10, 12, 14, 16].map((sec) => sec * 90000));
      expect(segments.map((segment) => segment.duration)).toEqual([2, 2, 2, 1].map((sec) => sec * 90000));
    }
  });

  it('leaves out no picture that stands just before a line', async () => {
    // The 45th begins a fragment, a millisecond before the first line, and so no key.
    const ladder = runLadder({ seconds: 7, rate: '45000/1999' });
    const cuts = [cut(ladder.pipes.v180, 'video'), cut(ladder.pipes.v90, 'video')];
    const [pictures] = await Promise.all([Promise.all(cuts), ladder.done, cut(ladder.pipes.audio, 'audio')]);
    for (const { init, segments, raw } of pictures) {
      const kept = oracle(Buffer.concat([init.bytes, ...segments.map((segment) => segment.bytes)])).samples;
      expect(kept).toEqual(oracle(raw).samples);
      const firsts = segments.map(({ start }) => ((start / 90_000 - TIMELINE_OFFSET_SEC) * 45_000) / 1999);
      expect(firsts.map(Math.round)).toEqual([0, 46, 91, 136]);
    }
  });

  it('cuts audio at the first frame past each line, less than a frame late', () => {
    expect(audio.segments.map((segment) => segment.slot)).toEqual([0, 1, 2, 3]);
    for (const { slot, start } of audio.segments.slice(1)) {
      const late = start / 48000 - TIMELINE_OFFSET_SEC - slot * 2;
      expect(late).toBeGreaterThan(-0.003);
      expect(late).toBeLessThan(1024 / 48000);
    }
  });

  it.each(['high', 'low', 'audio'] as const)(
    'keeps every sample of %s as it was, by the word of another parser',
    (name) => {
      const { init, segments, raw } = { high, low, audio }[name];
      const before = oracle(raw).samples;
      const after = oracle(Buffer.concat([init.bytes, ...segments.map((segment) => segment.bytes)])).samples;
      expect(after).toEqual(before);
      expect(after.length).toBeGreaterThan(100);
    },
  );

  it('spends one moof on a quarter of a second of audio', () => {
    const bytes = Buffer.concat([audio.init.bytes, ...audio.segments.map((segment) => segment.bytes)]);
    const fragments = oracle(bytes).file.boxes.filter((box) => box.type === 'moof').length;
    expect(fragments).toBeLessThanOrEqual(4 * 9);
    expect(bytes.length).toBeLessThan(oracle(audio.raw).samples.reduce((sum, sample) => sum + sample.size, 0) + 9_000);
  });

  it('leaves out sound that ran ahead of keys which never came, where the segment would be longer than is allowed', () => {
    const lines = new KeyLines({ targetSec: 2, keyIntervalSec: 2 });
    const options = { kind: 'audio', timelineOffsetSec: TIMELINE_OFFSET_SEC, segmentBytesMax: 8 << 20 } as const;
    const segmenter = new Segmenter({ ...options, lines });
    lines.key(0);
    lines.reached(2.1);
    const events = [...segmenter.push(audio.raw), ...segmenter.end()];
    const segments = events.flatMap((event) => (event.kind === 'segment' ? [event.segment.duration / 48000] : []));
    expect(segments).toHaveLength(1);
    expect(Math.round(segments[0] ?? 0)).toBe(2);
    expect(segments[0]).toBeGreaterThan(2.1);
  });

  it('refuses a track of the wrong kind, a segment without end and one that is too big', () => {
    const make = (options: object) =>
      new Segmenter({
        kind: 'video',
        lines: new GridLines(2),
        timelineOffsetSec: 10,
        segmentBytesMax: 8 << 20,
        ...options,
      });
    const run = (segmenter: Segmenter, bytes: Buffer) => [...segmenter.push(bytes)];
    expect(() => run(make({}), audio.raw)).toThrow(/audio where video belongs/);
    expect(() => run(make({ lines: new GridLines(0.5) }), high.raw)).toThrow(/grew to/);
    expect(() => run(make({ segmentBytesMax: 10_000 }), high.raw)).toThrow(/grew over 10000 bytes/);
  });
});
