import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame, TrackKind } from '../media/frame.js';
import { type ClockRepair, Timeline } from './timeline.js';

const frame = (track: TrackKind, dts: number, cts = 0, timescale = 1000): Frame => ({
  track,
  codec: track === 'video' ? 'h264' : 'aac',
  dts,
  pts: dts + cts,
  timescale,
  key: true,
  data: Buffer.alloc(1),
});

function placed(frames: readonly Frame[]): { at: (number | null)[]; repairs: ClockRepair[] } {
  const repairs: ClockRepair[] = [];
  const timeline = new Timeline(0, (repair) => repairs.push(repair));
  return { at: frames.map((one) => timeline.place(one, 0)?.dts ?? null), repairs };
}

describe('the timeline', () => {
  it('begins at 0 and keeps an even clock as it is', () => {
    const { at, repairs } = placed([
      frame('video', 5000),
      frame('audio', 5010),
      frame('video', 5040),
      frame('audio', 5031),
    ]);
    expect(at).toEqual([0, 10, 40, 31]);
    expect(repairs).toEqual([]);
  });

  it('drops what lies before its zero', () => {
    expect(placed([frame('video', 5000), frame('audio', 4990), frame('audio', 5011)]).at).toEqual([0, null, 11]);
  });

  it('puts a jump where the next frame was expected, and the other track follows it exactly', () => {
    const { at, repairs } = placed([
      frame('video', 0),
      frame('audio', 0),
      frame('video', 40),
      frame('audio', 21),
      frame('video', 20_080),
      frame('audio', 42),
      frame('audio', 20_063),
      frame('video', 20_120),
    ]);
    expect(at).toEqual([0, 0, 40, 21, 80, 42, 63, 120]);
    expect(repairs).toEqual([{ track: 'video', kind: 'jump', byMs: 20_000 }]);
  });

  it('takes a gap in one track for a gap while the other runs on', () => {
    const sound = Array.from({ length: 200 }, (_, index) => frame('audio', index * 21));
    const { at, repairs } = placed([frame('video', 0), frame('video', 40), ...sound, frame('video', 4200)]);
    expect(at.at(-1)).toBe(4200);
    expect(repairs).toEqual([]);
  });

  it('gives a track with a clock of its own the place of the other', () => {
    const { at } = placed([
      frame('video', 0),
      frame('video', 40),
      frame('audio', 9_000_000),
      frame('audio', 9_000_021),
    ]);
    expect(at).toEqual([0, 40, 40, 61]);
  });

  it('pushes on a time that falls a little', () => {
    const { at, repairs } = placed([frame('video', 0), frame('video', 40), frame('video', 30), frame('video', 80)]);
    expect(at).toEqual([0, 40, 41, 80]);
    expect(repairs.map((repair) => repair.kind)).toEqual(['order']);
  });

  it('counts on where 32 bits come round', () => {
    expect(
      placed([frame('video', 2 ** 32 - 40), frame('video', 0), frame('audio', 2 ** 32 - 10), frame('audio', 11)]).at,
    ).toEqual([0, 40, 30, 51]);
  });

  it('reads any timescale, and composition offsets of either sign', () => {
    const timeline = new Timeline(0);
    expect(timeline.place(frame('video', 90_000, 7200, 90_000), 0)).toMatchObject({ dts: 0, pts: 80, timescale: 1000 });
    expect(timeline.place(frame('video', 93_600, -7200, 90_000), 0)).toMatchObject({ dts: 40, pts: 40 });
  });

  it('rises on each track whatever comes, and never leaps', () => {
    const any = fc.tuple(
      fc.constantFrom<TrackKind>('video', 'audio'),
      fc.nat(2 ** 32 - 1),
      fc.integer({ min: -2000, max: 2000 }),
    );
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), (frames) => {
        const timeline = new Timeline(0);
        const last: Record<TrackKind, number> = { video: -1, audio: -1 };
        for (const [track, dts, cts] of frames) {
          const one = timeline.place(frame(track, dts, cts), 0);
          if (one === null) continue;
          expect(one.dts).toBeGreaterThan(last[track]);
          expect(one.dts - Math.max(last.video, last.audio)).toBeLessThanOrEqual(1600);
          expect(one.pts).toBeGreaterThanOrEqual(one.dts);
          last[track] = one.dts;
        }
      }),
    );
  });
});
