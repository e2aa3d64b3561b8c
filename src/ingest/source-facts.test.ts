import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AudioCodec, VideoCodec } from '../media/frame.js';
import { readAacConfig } from './aac-config.js';
import { parameterSetNals, readAvcConfig } from './avc-config.js';
import { readSps } from './avc-sps.js';
import { measureFrameRate } from './frame-rate.js';
import { recordClip } from './matroska/recorded-clip.fixture.js';
import { readTrackFacts } from './source-facts.js';

async function encoded(...extra: string[]): Promise<Buffer> {
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-frames:v', '3'];
  const coder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
  return (await recordClip('video', 'h264', ...picture, ...coder, ...extra)).config.data;
}

function videoFacts(data: Buffer) {
  const verdict = readTrackFacts({ track: 'video', codec: 'h264', data });
  if (!verdict.ok) throw new Error(verdict.message);
  return verdict.facts.facts;
}

describe('H.264 as the encoder writes it', () => {
  const plain = { codec: 'h264', rotation: 0, sampleAspectRatio: 1, frameRate: 25, interlaced: false, hdr: false };

  it.each<[string, string[], object]>([
    ['a cropped size', ['-vf', 'scale=1920:1080'], { width: 1920, height: 1080 }],
    ['an odd shape', ['-vf', 'scale=426:238,setsar=1'], { width: 426, height: 238 }],
    ['high profile with scaling lists', ['-preset', 'medium', '-x264-params', 'cqm=jvt:8x8dct=1'], { width: 320 }],
    ['4:2:2 in ten bits', ['-pix_fmt', 'yuv422p10le'], { width: 320, height: 180 }],
    ['4:4:4', ['-pix_fmt', 'yuv444p', '-vf', 'scale=322:182,setsar=1'], { width: 322, height: 182 }],
    ['pixels that are not square', ['-vf', 'scale=720:576,setsar=64/45'], { sampleAspectRatio: 64 / 45 }],
    ['a broken rate', ['-r', '30000/1001'], { frameRate: 30_000 / 1001 }],
    [
      'two fields a frame',
      ['-flags', '+ildct+ilme', '-vf', 'scale=320:192,setsar=1'],
      { interlaced: true, height: 192 },
    ],
    ['HLG', ['-vf', 'setparams=color_trc=arib-std-b67:colorspace=bt2020nc:color_primaries=bt2020'], { hdr: true }],
  ])('%s', async (_, extra, expected) => {
    expect(videoFacts(await encoded(...extra))).toMatchObject({ ...plain, ...expected });
  });

  it('and its parameter sets go in-band with 4-byte lengths', async () => {
    const config = readAvcConfig(await encoded());
    if (config === null) throw new Error('unreadable');
    const nals = parameterSetNals(config);
    const first = nals.readUInt32BE();
    expect((nals[4] ?? 0) & 0x1f).toBe(7);
    expect((nals[4 + first + 4] ?? 0) & 0x1f).toBe(8);
  });
});

describe('AAC', () => {
  it.each<[string, string, object | null]>([
    ['LC, 48 kHz, stereo', '1190', { sampleRate: 48_000, channels: 2, objectType: 2 }],
    ['LC, 44.1 kHz, mono', '1208', { sampleRate: 44_100, channels: 1, objectType: 2 }],
    ['LC with the sync extension that says no SBR', '121056e500', { sampleRate: 44_100, channels: 2 }],
    ['HE-AAC, explicit, 48 kHz', '2b118800', { sampleRate: 48_000, channels: 2, objectType: 2 }],
    ['HE-AAC, backward compatible, 44.1 kHz', '139056e5a0', { sampleRate: 44_100, channels: 2 }],
    ['HE-AAC v2, parametric stereo', 'eb098800', { channels: 2 }],
    ['5.1', '11b0', { channels: 6 }],
    ['an odd rate, written out', '17805dc010', { sampleRate: 48_000, channels: 2 }],
    ['a reserved rate', '1690', null],
    ['no AAC at all', '4590', null],
    ['nothing', '', null],
  ])('%s', (_, hex, expected) => {
    const read = readAacConfig(Buffer.from(hex, 'hex'));
    if (expected === null) expect(read).toBeNull();
    else expect(read).toMatchObject(expected);
  });

  it('with its channels in a program config', async () => {
    // 48 kHz, one front pair and one LFE, as §4.4.1.1 lays it out.
    const bits = '00010 0011 0000 000 0000 01 0011 0001 0000 0000 01 000 0000 0 0 0 1 0000 0000';
    const config = Buffer.alloc(16);
    [...bits.replaceAll(' ', '')].forEach((bit, at) => {
      config[at >> 3] = (config[at >> 3] ?? 0) | (Number(bit) << (7 - (at & 7)));
    });
    expect(readAacConfig(config)).toMatchObject({ sampleRate: 48_000, channels: 3 });
  });
});

describe('a config that is damaged', () => {
  it.each<[VideoCodec | AudioCodec, RegExp]>([
    ['h264', /H.264 .* damaged: restart/],
    ['hevc', /HEVC .* damaged: restart/],
    ['av1', /AV1 .* sequence header: restart/],
    ['vp9', /VP9 .* damaged: restart/],
    ['vp8', /VP8 .* damaged: restart/],
    ['aac', /AAC .* send AAC-LC/],
    ['opus', /Opus .* send stereo/],
    ['mp3', /MP3 .* send AAC/],
  ])('of %s is refused with what to do', (codec, message) => {
    const verdict = readTrackFacts({ track: 'video', codec, data: Buffer.from('0123456789', 'hex') });
    expect(verdict).toEqual({ ok: false, message: expect.stringMatching(message) });
  });

  it('or larger than any', () => {
    const data = Buffer.alloc(70_000);
    expect(readTrackFacts({ track: 'video', codec: 'hevc', data })).toMatchObject({ ok: false });
  });
});

describe('foreign bytes', () => {
  it('never throw, whatever they claim to be', async () => {
    const real = await encoded();
    const damaged = fc
      .array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((changes) => {
        const bytes = Buffer.from(real);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(damaged, random), (data) => {
        for (const codec of ['h264', 'hevc', 'av1', 'vp9', 'vp8'] as const)
          readTrackFacts({ track: 'video', codec, data });
        for (const codec of ['aac', 'opus', 'mp3'] as const) readTrackFacts({ track: 'audio', codec, data });
        const sps = readSps(Buffer.concat([Buffer.from([0x67]), data]));
        if (sps !== null) expect(sps.width * sps.height).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a measured frame rate', () => {
  const stamps = (rate: number, count = 20) =>
    Array.from({ length: count }, (_, index) => Math.round((index * 1000) / rate));
  it.each([
    [stamps(25), 25],
    [stamps(60), 60],
    [stamps(17), 17],
    [stamps(25, 4), null],
    [[0, 0, 0, 0, 0, 0, 0], null],
    [[], null],
  ])('%#', (times, expected) => {
    const rate = measureFrameRate(times);
    if (expected === null) expect(rate).toBeNull();
    else expect(Math.abs((rate ?? 0) - expected)).toBeLessThan(0.1);
  });
});
