import { describe, expect, it } from 'vitest';
import type { Frame, TrackKind } from '../media/frame.js';
import { type ClockRepair, Timeline } from './timeline.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Sent {
  readonly track: TrackKind;
  /** The source's own time, and when it comes; ms. */
  readonly ms: number;
  readonly at: number;
}

/** Frames of both tracks over `lasts` ms of wall time, by two functions of the wall clock. */
function sent(lasts: number, video: (at: number) => number, audio: (at: number) => number = video): Sent[] {
  const all: Sent[] = [];
  for (let at = 0; at < lasts; at += 40) {
    all.push({ track: 'video', ms: video(at), at }, { track: 'audio', ms: audio(at + 5), at: at + 5 });
  }
  return all;
}

interface Placed extends Sent {
  readonly dts: number;
}

function placed(frames: readonly Sent[], repairs: ClockRepair[] = []): Placed[] {
  const timeline = new Timeline(0, (repair) => repairs.push(repair));
  return frames.flatMap((one) => {
    const frame: Frame = {
      ...({ track: one.track, codec: one.track === 'video' ? 'h264' : 'aac' } as const),
      ...{ dts: Math.round(one.ms), pts: Math.round(one.ms), timescale: 1000, key: true, data: NOTHING },
    };
    const at = timeline.place(frame, one.at);
    return at === null ? [] : [{ ...one, dts: at.dts }];
  });
}

const NOTHING = Buffer.alloc(1);
const lateness = (one: Placed) => one.at - one.dts;
const farthest = (all: readonly Placed[]) => all.reduce((most, one) => Math.max(most, Math.abs(lateness(one))), 0);
const largestStep = (all: readonly Placed[], track: TrackKind) => {
  const times = all.filter((one) => one.track === track).map(({ dts }) => dts);
  return times.reduce((most, time, index) => Math.max(most, time - (times[index - 1] ?? time)), 0);
};

describe('a source clock that runs', () => {
  it.each([
    ['1% slow', 0.99],
    ['1% fast', 1.01],
    ['0.01% slow, as crystals do', 0.9999],
  ])('%s for an hour stays near the wall clock, without a jump', (_, speed) => {
    const repairs: ClockRepair[] = [];
    const all = placed(
      sent(HOUR, (at) => 500_000 + at * speed),
      repairs,
    );
    expect(farthest(all)).toBeLessThan(1600);
    expect(largestStep(all, 'video')).toBeLessThanOrEqual(43);
    expect(repairs).toEqual([]);
  });

  it('right is left alone, to the millisecond', () => {
    expect(farthest(placed(sent(10 * MINUTE, (at) => at)))).toBe(0);
  });

  it('as it should, but whose frames come in bursts after trouble, is left alone', () => {
    const troubled = sent(10 * MINUTE, (at) => at).map((one) => {
      // Four times nothing comes for six seconds, and then everything at once.
      const into = one.at % (2 * MINUTE);
      return into > MINUTE && into < MINUTE + 6000 ? { ...one, at: one.at - into + MINUTE + 6000 } : one;
    });
    const all = placed(troubled);
    expect(all.every(({ ms, dts }) => dts === ms)).toBe(true);
  });

  it('as it should, over a network that delays each frame anew, is left alone', () => {
    const shaken = sent(5 * MINUTE, (at) => at).map((one, index) => ({ ...one, at: one.at + ((index * 7919) % 900) }));
    expect(placed(shaken).every(({ ms, dts }) => dts === ms)).toBe(true);
  });

  it('on after a pause of the encoder is put on to the wall clock in half a minute', () => {
    const paused = sent(3 * MINUTE, (at) => (at < MINUTE ? at : Math.max(MINUTE, at - 8000)));
    const flowing = paused.filter(({ at }) => at < MINUTE || at > MINUTE + 8000);
    const all = placed(flowing);
    expect(farthest(all.filter(({ at }) => at > 2 * MINUTE))).toBeLessThan(1100);
  });
});

describe('sound and picture', () => {
  it('that drift apart are held together', () => {
    const all = placed(
      sent(
        20 * MINUTE,
        (at) => at,
        (at) => at * 0.998,
      ),
    );
    const last = all.slice(-2);
    expect(all.every((one) => one.track !== 'video' || one.dts === one.ms)).toBe(true);
    expect(farthest(last)).toBeLessThan(150);
  });

  it('whose clocks jump at different moments stay in step', () => {
    const all = placed(
      sent(
        2 * MINUTE,
        (at) => (at < 30_000 ? at : at + 7_000_000),
        (at) => (at < 30_200 ? at : at + 7_000_000),
      ),
    );
    expect(farthest(all)).toBeLessThan(100);
  });

  it('of which one falls silent for minutes go on where the other is', () => {
    const all = placed(sent(10 * MINUTE, (at) => at)).filter(({ track }) => track === 'video');
    const gap = placed(
      sent(10 * MINUTE, (at) => at).filter((one) => one.track === 'video' || one.at < MINUTE || one.at > 5 * MINUTE),
    );
    expect(gap.filter(({ track }) => track === 'video')).toEqual(all);
    expect(farthest(gap)).toBeLessThan(50);
  });
});

describe('a gap in the times', () => {
  it('as long as the wait for the frame is kept; a longer one is a jump', () => {
    const honest = sent(20_000, (at) => at).filter(({ at }) => at < 8000 || at > 13_000);
    expect(placed(honest).every(({ ms, dts }) => dts === ms)).toBe(true);
    const jumped = sent(20_000, (at) => (at < 8000 ? at : at + 50_000)).filter(({ at }) => at < 8000 || at > 13_000);
    const repairs: ClockRepair[] = [];
    expect(farthest(placed(jumped, repairs))).toBeLessThan(100);
    expect(repairs.map(({ kind }) => kind)).toEqual(['jump']);
  });

  it('that is a wrap of 33 bits at 90 kHz is repaired', () => {
    const wrap = 2 ** 33 / 90;
    const all = placed(sent(MINUTE, (at) => (wrap - 20_000 + at) % wrap));
    expect(farthest(all)).toBeLessThan(100);
  });
});
