import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame, TrackKind } from '../media/frame.js';
import { Preroll, squeeze } from './preroll.js';

const frame = (track: TrackKind, dts: number, pts = dts, bytes = 1): Frame => ({
  ...{ track, codec: track === 'video' ? 'h264' : 'aac', dts, pts, timescale: 1000, key: false },
  data: Buffer.alloc(bytes),
});
const times = (frames: readonly Frame[]) => frames.map(({ track, dts, pts }) => [track[0], dts, pts]);

describe('the preroll', () => {
  it('holds what follows the last key', () => {
    const preroll = new Preroll();
    preroll.add(frame('video', 0), false);
    expect(preroll.frames).toEqual([]);
    preroll.add(frame('video', 40), true);
    preroll.add(frame('audio', 50), false);
    preroll.add(frame('video', 80), true);
    expect(times(preroll.frames)).toEqual([['v', 80, 80]]);
  });

  it('gives up on keys that are too far apart, and on pictures that are too heavy', () => {
    const preroll = new Preroll();
    preroll.add(frame('video', 0), true);
    for (let ms = 40; ms <= 10_040; ms += 40) preroll.add(frame('video', ms), false);
    expect(preroll.frames).toEqual([]);
    preroll.add(frame('video', 11_000), true);
    for (let index = 1; index < 5; index++) preroll.add(frame('video', 11_000 + index, 0, 2 ** 22), false);
    expect(preroll.frames).toEqual([]);
  });
});

describe('squeezed pictures', () => {
  it('lead up to the newest one, which keeps its place', () => {
    const held = [
      frame('video', 1000),
      frame('audio', 1010),
      frame('video', 1040),
      frame('video', 1080),
      frame('audio', 1090),
    ];
    const { frames, startMs, lateMs } = squeeze(held, 500);
    expect([startMs, lateMs]).toEqual([1078, 0]);
    expect(times(frames)).toEqual([
      ['v', 1078, 1078],
      ['v', 1079, 1079],
      ['v', 1080, 1080],
      ['a', 1090, 1090],
    ]);
  });

  it('begin after what was shown, even if that makes them late', () => {
    const { frames, lateMs } = squeeze([frame('video', 1000), frame('video', 1040), frame('audio', 1050)], 1100);
    expect(lateMs).toBe(61);
    expect(times(frames)).toEqual([
      ['v', 1100, 1100],
      ['v', 1101, 1101],
      ['a', 1111, 1111],
    ]);
  });

  it('keep the order in which they are shown, and the distance of those still due', () => {
    // In decode order: I0 P4 B2 B1 B3 P8, the last one not yet shown.
    const held = [
      [0, 80],
      [40, 240],
      [80, 160],
      [120, 120],
      [160, 200],
      [200, 400],
    ].map(([dts = 0, pts = 0]) => frame('video', dts, pts));
    const { frames } = squeeze(held, 0);
    const shown = [...frames]
      .sort((a, b) => a.pts - b.pts)
      .map(({ dts }) => frames.findIndex((one) => one.dts === dts));
    expect(shown).toEqual([0, 3, 2, 4, 1, 5]);
    expect(frames.at(-1)?.pts).toBe(400);
    expect(frames.at(-1)?.dts).toBe(200);
  });

  it('never fall, collide or leave their order, whatever is held', () => {
    const any = fc.array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 300 })), {
      minLength: 1,
      maxLength: 80,
    });
    fc.assert(
      fc.property(any, fc.nat(20_000), (steps, floorMs) => {
        const held: Frame[] = [];
        for (const [step, cts] of steps) {
          const dts = (held.at(-1)?.dts ?? 1000) + step;
          held.push(frame('video', dts, dts + cts));
        }
        const { frames, startMs, lateMs } = squeeze(held, floorMs);
        expect(startMs).toBeGreaterThanOrEqual(floorMs);
        expect(lateMs).toBeGreaterThanOrEqual(0);
        expect(new Set(frames.map((one) => one.pts)).size).toBeGreaterThanOrEqual(
          new Set(held.map((one) => one.pts)).size,
        );
        expect(frames.map((one) => one.dts)).toEqual(frames.map((_, index) => startMs + index));
      }),
    );
  });
});
