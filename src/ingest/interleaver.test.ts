import { describe, expect, it } from 'vitest';
import type { Frame, TrackKind } from '../media/frame.js';
import { Interleaver } from './interleaver.js';

const frame = (track: TrackKind, dts: number): Frame => ({
  track,
  codec: track === 'video' ? 'h264' : 'aac',
  dts,
  pts: dts,
  timescale: 1000,
  key: true,
  data: Buffer.alloc(1),
});

function opened(): { interleaver: Interleaver; taken: () => string[] } {
  const out: string[] = [];
  const interleaver = new Interleaver((one) => out.push(`${one.track[0]}${one.dts}`));
  return { interleaver, taken: () => out.splice(0) };
}

describe('the interleaver', () => {
  it('orders two tracks by decode time', () => {
    const { interleaver, taken } = opened();
    const came: [TrackKind, number][] = [
      ['video', 0],
      ['audio', 0],
      ['video', 40],
      ['video', 80],
      ['audio', 21],
      ['audio', 60],
    ];
    for (const [track, dts] of came) interleaver.push(frame(track, dts));
    expect(taken()).toEqual(['v0', 'a0', 'a21', 'v40', 'a60']);
    interleaver.flush();
    expect(taken()).toEqual(['v80']);
  });

  it('waits for nobody who is not there, and not long for one who fell silent', () => {
    const { interleaver, taken } = opened();
    interleaver.push(frame('video', 0));
    expect(taken()).toEqual(['v0']);
    interleaver.push(frame('audio', 0));
    taken();
    const waits: number[] = [];
    let held = 0;
    for (let dts = 40; dts <= 3000; dts += 40) {
      interleaver.push(frame('video', dts));
      held += 1 - taken().length;
      waits.push(held);
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(13);
    expect(waits.at(-1)).toBe(0);
  });
});
