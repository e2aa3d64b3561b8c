import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceFacts } from '../media/source-facts.js';
import { smallVideo } from './live.fixture.js';
import { type PresetLadderOptions, presetLadder } from './preset-ladder.js';
import { type Preset, SHIPPED_PRESETS } from './presets.js';

const stereo = { codec: 'aac', sampleRate: 48_000, channels: 2 };
const source = (width: number, height: number): SourceFacts => ({
  video: { ...smallVideo, width, height, frameRate: 30 },
  audio: stereo,
});
const plenty = { budget: { pixelsPerSecond: 1e12 }, canPass: false, codecs: new Set<'hevc' | 'av1'>() };

const rungs = (facts: SourceFacts, preset: Preset, options: Partial<PresetLadderOptions> = {}) =>
  presetLadder(facts, preset, { ...plenty, ...options }).video.map(({ id, bitrate }) => `${id} ${bitrate / 1000}`);

describe('a preset', () => {
  it.each<[string, number, string[]]>([
    ['1080p-4', 1080, ['v1080 5500', 'v720 3000', 'v540 1800', 'v360 900']],
    ['1080p-4', 2160, ['v1080 5500', 'v720 3000', 'v540 1800', 'v360 900']],
    ['1080p-4', 720, ['v720 3000', 'v540 1800', 'v360 900']],
    ['720p-3', 1080, ['v720 3000', 'v540 1800', 'v360 900']],
    ['auto', 720, ['v720 3000', 'v540 1800', 'v360 900']],
    ['passthrough', 720, ['v720 3000']],
    ['audio-only', 720, []],
  ])('%s of %i lines', (name, height, expected) => {
    const preset: Preset | undefined = (SHIPPED_PRESETS as Record<string, Preset>)[name];
    expect(rungs(source((height * 16) / 9, height), preset ?? SHIPPED_PRESETS.auto)).toEqual(expected);
  });

  it('brings a rung above the source down to it, where that is more than the rung below', () => {
    const [top, ...below] = rungs(source(1600, 900), SHIPPED_PRESETS['1080p-4']);
    expect(top).toMatch(/^v900 4\d\d0$/);
    expect(below).toEqual(['v720 3000', 'v540 1800', 'v360 900']);
    expect(rungs(source(480, 270), SHIPPED_PRESETS['1080p-4'])).toEqual([expect.stringMatching(/^v270 /)]);
  });

  it('has the source on top where that can be, and only clearly smaller rungs below', () => {
    const { video, passesTop } = presetLadder(source(1280, 720), SHIPPED_PRESETS['passthrough-top'], {
      ...plenty,
      canPass: true,
    });
    expect(passesTop).toBe(true);
    expect(video.map(({ id }) => id)).toEqual(['v720', 'v540', 'v360']);
    const poor = { ...plenty, budget: { pixelsPerSecond: 1 }, canPass: true };
    expect(presetLadder(source(1280, 720), SHIPPED_PRESETS['passthrough-top'], poor).video).toHaveLength(1);
  });

  it('gives a poor box the lowest rung, and no more than it can', () => {
    const poor = { budget: { pixelsPerSecond: 1 } };
    expect(rungs(source(1920, 1080), SHIPPED_PRESETS['1080p-4'], poor)).toEqual(['v360 900']);
  });

  it('has other codecs only where the hardware makes them well', () => {
    const preset: Preset = {
      video: [{ height: 720, codec: 'hevc', bitrate: 2_000_000 }, { height: 720 }],
      audio: false,
    };
    expect(presetLadder(source(1280, 720), preset, plenty)).toMatchObject({ leftOut: ['hevc'], audio: null });
    expect(rungs(source(1280, 720), preset)).toEqual(['v720 3000']);
    expect(rungs(source(1280, 720), preset, { codecs: new Set(['hevc']) })).toEqual(['v720-hevc 2000', 'v720 3000']);
  });

  it('gives mono five eighths', () => {
    const mono = { ...source(1280, 720), audio: { ...stereo, channels: 1 } };
    expect(presetLadder(mono, SHIPPED_PRESETS.auto, plenty).audio).toMatchObject({ bitrate: 80_000, channels: 1 });
  });

  it('never makes a picture larger than its source, nor two of one name', () => {
    const side = fc.integer({ min: 16, max: 4000 });
    const rung = fc.record({ height: fc.integer({ min: 90, max: 2160 }) });
    const property = fc.property(
      side,
      side,
      fc.array(rung, { maxLength: 8 }),
      fc.boolean(),
      (width, height, video, canPass) => {
        const preset = { video: canPass ? [{ passthrough: true } as const, ...video] : video, audio: false } as const;
        const made = presetLadder(source(width, height), preset, { ...plenty, canPass }).video;
        for (const picture of made) {
          expect(picture.width).toBeLessThanOrEqual(width);
          expect(picture.height).toBeLessThanOrEqual(height);
        }
        expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
      },
    );
    fc.assert(property);
  });
});
