import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlockItem } from '../feed/matroska-reader.js';
import type { SourceTrack } from '../feed/matroska-tracks.js';
import { smallVideo } from '../live.fixture.js';
import { partLength } from '../part-length.js';
import { readAacShape } from './aac-shape.js';
import { aacSilence } from './aac-silence.js';
import { AudioSamples } from './audio-samples.js';
import { canPassAudio, targetDurationSec, videoVerdict } from './pass-verdict.js';
import { type TimedSamples, VideoSamples } from './video-samples.js';

const block = (track: 'video' | 'audio', timeMs: number, key = true): BlockItem => {
  return { kind: 'block', raw: [], track, timeMs, key, payload: [Buffer.alloc(10)] };
};

interface Timed {
  readonly decode: number;
  readonly presentation: number;
  readonly duration: number;
  readonly key: boolean;
}

const timesOf = (fragments: readonly TimedSamples[]): Timed[] =>
  fragments.flatMap((fragment) => {
    let decode = fragment.decodeTime;
    return fragment.samples.map(({ duration, compositionOffset, key }) => {
      const timed = { decode, presentation: decode + compositionOffset, duration, key };
      decode += duration;
      return timed;
    });
  });

type Stamps = readonly (readonly [timeMs: number, key: boolean])[];

/** Through to the end; ticks are milliseconds. */
function fragmentsOf(times: Stamps, frameRate: number | null = 25): TimedSamples[] {
  const samples = new VideoSamples({ ticksPerMs: 1, part: partLength({ partMs: 200, frameRate, steady: false }) });
  const fragments = times.flatMap(([timeMs, key]) => samples.add(block('video', timeMs, key)));
  return [...fragments, ...samples.flush()];
}

const pictures = (times: Stamps): Timed[] => timesOf(fragmentsOf(times));

/** Of each fragment: pictures, and how long they last together. */
const shapesOf = (fragments: readonly TimedSamples[]) =>
  fragments.map(({ samples }) => {
    return { pictures: samples.length, lasts: samples.reduce((sum, { duration }) => sum + duration, 0) };
  });

describe('pictures', () => {
  it('without reordering are decoded when they are shown', () => {
    const timed = pictures(Array.from({ length: 50 }, (_, index) => [index * 40, index % 25 === 0]));
    for (const { decode, presentation } of timed) expect(decode).toBe(presentation);
    expect(timed.map(({ decode }) => decode)).toEqual(timed.map((_, index) => index * 40));
  });

  it('with reordering are decoded before they are shown, evenly, and groups meet without a gap', () => {
    // I P B B P B B …, two groups of ten.
    const order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8];
    const groups = [0, 400].flatMap((start) => order.map((place, index) => [start + place * 40, index === 0] as const));
    const timed = pictures(groups);
    expect(timed.map(({ presentation }) => presentation)).toEqual(groups.map(([timeMs]) => timeMs));
    expect(new Set(timed.map(({ duration }) => duration))).toEqual(new Set([40]));
    for (const { decode, presentation } of timed) expect(decode).toBeLessThanOrEqual(presentation);
    const second = timed[10];
    expect(second).toMatchObject({ key: true, presentation: 400, decode: (timed[9]?.decode ?? 0) + 40 });
  });

  it('before the first key are left out', () => {
    expect(
      pictures([
        [0, false],
        [40, true],
        [80, false],
      ]).map(({ presentation }) => presentation),
    ).toEqual([40, 80]);
  });

  it.each([
    [25, 5],
    [30_000 / 1001, 6],
    [60, 12],
    [24, 5],
    [15, 3],
    [4, 1],
  ])('that come steadily, %f a second, make parts of %i each, beginning anew at each key', (frameRate, count) => {
    const stamps = Array.from({ length: Math.round(frameRate * 4) }, (_, index) => {
      return [Math.round((index * 1000) / frameRate), index % Math.round(frameRate * 2) === 0] as const;
    });
    const shapes = shapesOf(fragmentsOf(stamps, frameRate));
    const perGroup = Math.ceil(Math.round(frameRate * 2) / count);
    expect(shapes).toHaveLength(2 * perGroup);
    for (const [index, { pictures }] of shapes.entries()) {
      if ((index + 1) % perGroup === 0) expect(pictures).toBeLessThanOrEqual(count);
      else expect(pictures).toBe(count);
    }
  });

  it('are handed out as soon as their part is full: the picture behind it has come, or as many as are reordered', () => {
    const samples = new VideoSamples({
      ticksPerMs: 1,
      part: partLength({ partMs: 200, frameRate: 25, steady: false }),
    });
    const counts = Array.from(
      { length: 12 },
      (_, index) => samples.add(block('video', index * 40, index === 0)).length,
    );
    expect(counts).toEqual([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
  });

  it('that come unsteadily make parts no longer than they may be, but for a picture that is so by itself', () => {
    const gap = fc.integer({ min: 1, max: 400 });
    const property = fc.property(fc.array(fc.tuple(gap, fc.boolean()), { minLength: 1, maxLength: 80 }), (gaps) => {
      let at = 0;
      const stamps = gaps.map(([ms, key]) => {
        at += ms;
        return [at, key] as const;
      });
      for (const { pictures, lasts } of shapesOf(fragmentsOf([[0, true], ...stamps], 30))) {
        if (pictures > 1) expect(lasts).toBeLessThanOrEqual(204);
      }
    });
    fc.assert(property);
  });

  it('whatever their times, come out once each, shown when they should be, and decoding never goes back', () => {
    const picture = fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.boolean());
    const property = fc.property(fc.array(picture, { minLength: 1, maxLength: 80 }), (times) => {
      const given = [[0, true] as const, ...times];
      const timed = pictures(given);
      expect(timed.map(({ presentation }) => presentation)).toEqual(given.map(([timeMs]) => timeMs));
      for (const [index, { decode, duration }] of timed.entries()) {
        expect(duration).toBeGreaterThan(0);
        expect(decode).toBeGreaterThanOrEqual((timed[index - 1]?.decode ?? Number.NEGATIVE_INFINITY) + 1);
      }
    });
    fc.assert(property);
  });
});

/** Blocks of 1024 samples at 48 kHz at these times. */
function sound(times: readonly number[]): Timed[] {
  const samples = new AudioSamples({ sampleRate: 48_000, blockSamples: 1024, channels: 2 });
  return timesOf([...times.flatMap((timeMs) => samples.add(block('audio', timeMs))), ...samples.flush()]);
}

const blockMs = 1024 / 48;

describe('sound', () => {
  it('follows without a gap, though its times are whole milliseconds', () => {
    const timed = sound(Array.from({ length: 100 }, (_, index) => Math.round(index * blockMs)));
    expect(timed.map(({ decode }) => decode)).toEqual(timed.map((_, index) => index * 1024));
  });

  it('that is missing is silence, and what comes twice is dropped', () => {
    const times = Array.from({ length: 20 }, (_, index) => Math.round(index * blockMs));
    const later = times.map((time) => time + 1_000);
    const timed = sound([...times, ...later, ...times]);
    expect(timed.map(({ decode }) => decode)).toEqual(timed.map((_, index) => index * 1024));
    // A second is 46.9 blocks.
    expect(timed).toHaveLength(47 + 20);
  });

  it('that is missing for long leaves a hole', () => {
    const timed = sound([0, 21, 60_000]);
    expect(timed.map(({ decode }) => decode)).toEqual([0, 1024, 60_000 * 48]);
  });

  it.each([1, 2])('of %i channels has a silence that decoders take', async (channels) => {
    const block = aacSilence(channels);
    // ADTS (ISO/IEC 14496-3 §1.A.2.2): AAC LC at 48 kHz.
    const length = block.length + 7;
    const head = Buffer.from([0xff, 0xf1, 0x4c, channels << 6, length >> 3, ((length & 7) << 5) | 0x1f, 0xfc]);
    const child = spawn('ffmpeg', [
      '-v',
      'info',
      '-xerror',
      '-f',
      'aac',
      '-i',
      'pipe:0',
      '-af',
      'volumedetect',
      '-f',
      'null',
      '-',
    ]);
    let said = '';
    child.stderr.on('data', (bytes) => {
      said += bytes;
    });
    child.stdin.end(Buffer.concat(Array.from({ length: 50 }, () => [head, block]).flat()));
    expect((await once(child, 'close'))[0]).toBe(0);
    expect(said).toContain(channels === 1 ? 'mono' : 'stereo');
    expect(said).toMatch(new RegExp(`n_samples: ${50 * 1024 * channels}\\b`));
    expect(said).toMatch(/max_volume: -91\.0 dB/);
  });

  it('follows a clock that drifts', () => {
    const timed = sound(Array.from({ length: 3_000 }, (_, index) => Math.round(index * blockMs * 1.001)));
    const last = timed.at(-1);
    expect(Math.abs((last?.decode ?? 0) / 48 - 2_999 * blockMs * 1.001)).toBeLessThan(40);
    for (const { duration } of timed) expect(Math.abs(duration - 1024)).toBeLessThanOrEqual(4);
  });

  it('never goes back, whatever its times', () => {
    const property = fc.property(fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1 }), (times) => {
      const timed = sound(times);
      for (const [index, { decode }] of timed.entries()) {
        expect(decode).toBeGreaterThan(timed[index - 1]?.decode ?? -1);
      }
    });
    fc.assert(property);
  });
});

describe('an AudioSpecificConfig', () => {
  it.each<[string, string, ReturnType<typeof readAacShape>]>([
    ['LC stereo at 48 kHz', '1190', { sampleRate: 48_000, channels: 2, blockSamples: 1024 }],
    ['LC mono at 44.1 kHz', '1208', { sampleRate: 44_100, channels: 1, blockSamples: 1024 }],
    ['HE-AAC', '2b118800', { sampleRate: 24_000, channels: 2, blockSamples: 1024 }],
    ['5.1', '11b0', null],
    ['96 kHz', '1010', null],
    ['Main profile', '0990', null],
    ['too short', '11', null],
    ['empty', '', null],
  ])('%s', (_, hex, expected) => {
    expect(readAacShape(Buffer.from(hex, 'hex'))).toEqual(expected);
  });

  it('of any bytes is read or refused', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => void readAacShape(Buffer.from(bytes))));
  });
});

describe('a source', () => {
  const avc = (profile: number): SourceTrack => {
    return { number: 1, kind: 'video', codec: 'h264', config: Buffer.from([1, profile, 0, 31]) };
  };

  it.each<[string, Partial<typeof smallVideo>, SourceTrack | undefined, number | null, RegExp | null]>([
    ['High, keys each 2 s', {}, avc(100), 2_000, null],
    ['keys each 4 s, stamped late', {}, avc(77), 4_050, null],
    ['keys each 5 s', {}, avc(100), 5_000, /5\.0 s apart/],
    ['keys not known', {}, avc(100), null, /not known/],
    ['10 bits', {}, avc(110), 2_000, /8 bits/],
    ['HDR', { hdr: true }, avc(100), 2_000, /8 bits/],
    ['interlaced', { interlaced: true }, avc(100), 2_000, /interlaced/],
    ['wide pixels', { sampleAspectRatio: 4 / 3 }, avc(100), 2_000, /square/],
    ['turned', { rotation: 90 }, avc(100), 2_000, /turned/],
    ['VP8', { codec: 'vp8' }, { ...avc(100), codec: 'vp8' }, 2_000, /codec is vp8/],
    ['no track', {}, undefined, 2_000, /codec/],
    ['120 pictures a second', { frameRate: 120 }, avc(100), 2_000, /120 pictures/],
  ])('%s', (_, facts, track, keyIntervalMs, why) => {
    const verdict = videoVerdict({ ...smallVideo, ...facts }, track, keyIntervalMs);
    expect(verdict.ok ? null : verdict.why).toEqual(why === null ? null : expect.stringMatching(why));
  });

  it('of AAC that all players take may keep its sound', () => {
    const config = Buffer.from('1190', 'hex');
    expect(canPassAudio({ number: 2, kind: 'audio', codec: 'aac', config })).toBe(true);
    expect(canPassAudio({ number: 2, kind: 'audio', codec: 'opus', config })).toBe(false);
    expect(canPassAudio(undefined)).toBe(false);
  });

  it.each([
    [2_000, 2, 2],
    [2_001, 2, 2],
    [1_000, 2, 2],
    [3_000, 2, 3],
    [3_960, 2, 4],
    [4_090, 2, 4],
    [2_000, 6, 6],
  ])('with keys each %i ms, cut every %i s, has a target duration of %i s', (interval, segmentSec, expected) => {
    expect(targetDurationSec(interval, segmentSec)).toBe(expected);
  });
});
