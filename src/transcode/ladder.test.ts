import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AudioFacts, SourceFacts, VideoFacts } from '../media/source-facts.js';
import { encodeCost, liveLadder, vodLadder } from './ladder.js';

const video = (width: number, height: number, more: Partial<VideoFacts> = {}): VideoFacts => ({
  codec: 'h264',
  width,
  height,
  rotation: 0,
  sampleAspectRatio: 1,
  frameRate: 30,
  interlaced: false,
  hdr: false,
  ...more,
});
const stereo: AudioFacts = { codec: 'aac', sampleRate: 48_000, channels: 2 };
const facts = (picture: VideoFacts | null, audio: AudioFacts | null = stereo): SourceFacts => ({
  video: picture,
  audio,
});
const sizes = (source: SourceFacts) => vodLadder(source).video.map((rung) => `${rung.id} ${rung.width}x${rung.height}`);

describe('rungs by source', () => {
  const table: [name: string, source: VideoFacts, rungs: string[]][] = [
    ['full HD', video(1920, 1080), ['v1080 1920x1080', 'v720 1280x720', 'v540 960x540', 'v360 640x360']],
    ['HD', video(1280, 720), ['v720 1280x720', 'v540 960x540', 'v360 640x360']],
    [
      'UHD',
      video(3840, 2160),
      ['v2160 3840x2160', 'v1440 2560x1440', 'v1080 1920x1080', 'v720 1280x720', 'v540 960x540', 'v360 640x360'],
    ],
    [
      '8K is brought within what decoders take',
      video(7680, 4320),
      ['v2160 3840x2160', 'v1440 2560x1440', 'v1080 1920x1080', 'v720 1280x720', 'v540 960x540', 'v360 640x360'],
    ],
    [
      'ultra-wide 5K: long side capped',
      video(5120, 2160),
      ['v1728 4096x1728', 'v1440 3414x1440', 'v1080 2560x1080', 'v720 1706x720', 'v540 1280x540', 'v360 854x360'],
    ],
    ['upright phone', video(1080, 1920), ['v1080 1080x1920', 'v720 720x1280', 'v540 540x960', 'v360 360x640']],
    [
      'phone held upright, coded lying',
      video(1920, 1080, { rotation: 90 }),
      ['v1080 1080x1920', 'v720 720x1280', 'v540 540x960', 'v360 360x640'],
    ],
    ['upside down', video(1280, 720, { rotation: 180 }), ['v720 1280x720', 'v540 960x540', 'v360 640x360']],
    ['cinema 2.4:1', video(1920, 800), ['v800 1920x800', 'v540 1296x540', 'v360 864x360']],
    ['cinema below the lowest rung', video(800, 332), ['v332 800x332']],
    ['480 lines', video(854, 480), ['v480 854x480', 'v360 640x360']],
    ['4:3', video(640, 480), ['v480 640x480', 'v360 480x360']],
    ['PAL wide, 16:9 by its pixels', video(720, 576, { sampleAspectRatio: 64 / 45 }), ['v540 960x540', 'v360 640x360']],
    ['NTSC 4:3 by tall pixels', video(720, 480, { sampleAspectRatio: 8 / 9 }), ['v480 640x480', 'v360 480x360']],
    [
      'DVCPRO HD',
      video(1440, 1080, { sampleAspectRatio: 4 / 3 }),
      ['v1080 1920x1080', 'v720 1280x720', 'v540 960x540', 'v360 640x360'],
    ],
    [
      'coded height of an uncropped HD picture',
      video(1920, 1088),
      ['v1080 1906x1080', 'v720 1270x720', 'v540 952x540', 'v360 636x360'],
    ],
    ['square', video(720, 720), ['v720 720x720', 'v540 540x540', 'v360 360x360']],
    ['small', video(320, 180), ['v180 320x180']],
    ['odd on both sides', video(321, 181), ['v180 320x180']],
    ['smaller than a macroblock', video(2, 2), ['v16 16x16']],
    ['a ribbon', video(4000, 20), ['v20 4000x20']],
    ['a sample aspect ratio that makes no sense', video(640, 360, { sampleAspectRatio: 0 }), ['v360 640x360']],
    ['no size', video(0, 0), []],
  ];
  it.each(table)('%s', (_, source, rungs) => {
    expect(sizes(facts(source))).toEqual(rungs);
  });

  it('has no video rungs for audio alone, and no audio for a silent picture', () => {
    expect(vodLadder(facts(null))).toEqual({
      video: [],
      audio: { kind: 'audio', id: 'audio', bitrate: 128_000, sampleRate: 48_000, channels: 2 },
    });
    expect(vodLadder(facts(video(640, 360), null)).audio).toBeNull();
  });
});

describe('frame rate', () => {
  it.each([
    [null, 30],
    [24, 24],
    [23.976, 24_000 / 1001],
    [25, 25],
    [29.97, 30_000 / 1001],
    [29.970_029_97, 30_000 / 1001],
    [50, 50],
    [59.94, 60_000 / 1001],
    [60, 60],
    [120, 60],
    [100, 50],
    [144, 36],
    [119.88, 60_000 / 1001],
    [15, 15],
    [12.5, 12.5],
    [1, 10],
    [0, 30],
    [Number.NaN, 30],
    [90_000, 30],
  ])('source %s becomes %s, the same on every rung', (source, expected) => {
    const rates = vodLadder(facts(video(1920, 1080, { frameRate: source }))).video.map((rung) => rung.frameRate);
    expect(rates).toEqual([expected, expected, expected, expected]);
  });
});

describe('audio', () => {
  it.each([
    [48_000, 2, 48_000, 2, 128_000],
    [44_100, 2, 44_100, 2, 128_000],
    [48_000, 6, 48_000, 2, 128_000],
    [22_050, 1, 48_000, 1, 80_000],
    [96_000, 0, 48_000, 2, 128_000],
  ])('%i Hz × %i becomes %i Hz × %i at %i b/s', (sampleRate, channels, outRate, outChannels, bitrate) => {
    expect(vodLadder(facts(null, { codec: 'aac', sampleRate, channels })).audio).toMatchObject({
      sampleRate: outRate,
      channels: outChannels,
      bitrate,
    });
  });
});

describe('bitrates', () => {
  it('follow the table at 30 frames a second and grow with the frame rate', () => {
    const at = (frameRate: number) =>
      vodLadder(facts(video(1920, 1080, { frameRate }))).video.map((rung) => rung.bitrate);
    expect(at(30)).toEqual([5_500_000, 3_000_000, 1_800_000, 900_000]);
    expect(at(60)[0]).toBe(8_250_000);
    expect(at(24)[0]).toBe(4_830_000);
  });

  it('are the same lying and upright', () => {
    const lying = vodLadder(facts(video(1920, 1080))).video.map((rung) => rung.bitrate);
    expect(vodLadder(facts(video(1080, 1920))).video.map((rung) => rung.bitrate)).toEqual(lying);
  });
});

describe('live', () => {
  const hd = facts(video(1920, 1080));
  const ids = (pixelsPerSecond: number, source = hd) =>
    liveLadder(source, { pixelsPerSecond }).video.map((rung) => rung.id);

  it('keeps what the measured speed sustains, from the lowest up', () => {
    expect(ids(1e9)).toEqual(['v1080', 'v720', 'v540', 'v360']);
    expect(ids(150e6)).toEqual(['v720', 'v540', 'v360']);
    expect(ids(80e6)).toEqual(['v540', 'v360']);
    expect(ids(0)).toEqual(['v360']);
  });

  it('counts the frame rate', () => {
    expect(ids(250e6)).toEqual(['v1080', 'v720', 'v540', 'v360']);
    expect(ids(250e6, facts(video(1920, 1080, { frameRate: 60 })))).toEqual(['v720', 'v540', 'v360']);
  });

  it('leaves alone what other broadcasts have taken', () => {
    const { video: kept } = liveLadder(hd, { pixelsPerSecond: 250e6, committed: 100e6 });
    expect(kept.map((rung) => rung.id)).toEqual(['v540', 'v360']);
  });

  it('costs nothing without a picture', () => {
    expect(encodeCost(facts(null), [])).toBe(0);
    expect(liveLadder(facts(null), { pixelsPerSecond: 0 }).audio?.id).toBe('audio');
  });
});

describe('any source', () => {
  const anyVideo = fc.record({
    width: fc.integer({ min: 16, max: 9000 }),
    height: fc.integer({ min: 16, max: 9000 }),
    rotation: fc.constantFrom(0 as const, 90 as const, 180 as const, 270 as const),
    sampleAspectRatio: fc.double({ min: 0.5, max: 2, noNaN: true }),
    frameRate: fc.option(fc.double({ min: 0.1, max: 1000, noNaN: true })),
  });

  it('gets at least one rung, even sides, unique ids in falling order, and is never upscaled', () => {
    fc.assert(
      fc.property(anyVideo, (some) => {
        const source = video(some.width, some.height, some);
        const rungs = vodLadder(facts(source)).video;
        const turned = some.rotation % 180 !== 0;
        const shown = { width: some.width * some.sampleAspectRatio, height: some.height };
        const [width, height] = turned ? [shown.height, shown.width] : [shown.width, shown.height];
        expect(rungs.length).toBeGreaterThan(0);
        expect(new Set(rungs.map((rung) => rung.id)).size).toBe(rungs.length);
        for (const rung of rungs) {
          expect([rung.width % 2, rung.height % 2]).toEqual([0, 0]);
          expect(rung.width).toBeLessThanOrEqual(Math.max(16, width + 1e-6));
          expect(rung.height).toBeLessThanOrEqual(Math.max(16, height + 1e-6));
          expect(rung.maxBitrate).toBeGreaterThanOrEqual(rung.bitrate);
          expect(rung.id).toMatch(/^v\d+$/);
          expect(rung.frameRate).toBeGreaterThanOrEqual(10);
          expect(rung.frameRate).toBeLessThanOrEqual(61);
        }
        const areas = rungs.map((rung) => rung.width * rung.height);
        expect(areas).toEqual(areas.toSorted((a, b) => b - a));
      }),
    );
  });
});
