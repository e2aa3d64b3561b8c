import { describe, expect, it } from 'vitest';
import { SourceClock } from './source-clock.js';

const seconds = (units: number, rate: number) => units / rate;

describe("one source's clock", () => {
  it('begins with the arrival, and goes on over the wrap of a timestamp', () => {
    const clock = new SourceClock();
    const start = 2 ** 32 - 90_000;
    const at = [0, 1, 2, 3].map((second) => clock.place('video', (start + second * 90_000) % 2 ** 32, 5000 + second));
    expect(at.map((time) => seconds(time, 90_000))).toEqual([5, 6, 7, 8]);
  });

  it('moves the sound beside the picture once both clocks are known, in steps too small to hear', () => {
    const clock = new SourceClock();
    clock.place('video', 0, 1000);
    // The sound's packets took 300 ms longer: by arrival it would come that much too late.
    clock.place('audio', 0, 1300);
    clock.report('video', 0, 50_000);
    clock.report('audio', 0, 50_000);
    let last = 1.3;
    for (let packet = 1; packet <= 400; packet++) {
      const at = seconds(clock.place('audio', packet * 960, 0), 48_000);
      expect(at - last).toBeGreaterThan(0.0189);
      expect(at - last).toBeLessThan(0.0211);
      last = at;
    }
    expect(last).toBeCloseTo(1 + 400 * 0.02, 3);
  });

  it('moves it at once where it is far off, and not at all where the reports make no sense', () => {
    const clock = new SourceClock();
    clock.place('video', 0, 1000);
    clock.place('audio', 0, 4000);
    clock.report('video', 0, 50_000);
    clock.report('audio', 0, 50_000);
    expect(seconds(clock.place('audio', 960, 0), 48_000)).toBeCloseTo(1.02, 3);
    clock.report('audio', 960, 9_000_000);
    expect(seconds(clock.place('audio', 1920, 0), 48_000)).toBeCloseTo(1.04, 3);
  });

  it('stays as it is without reports, and begins anew with a new source', () => {
    const clock = new SourceClock();
    clock.place('video', 0, 1000);
    clock.report('audio', 0, 1);
    expect(seconds(clock.place('audio', 77, 2000), 48_000)).toBeCloseTo(2, 3);
    clock.restart('audio');
    expect(seconds(clock.place('audio', 4_000_000, 3000), 48_000)).toBeCloseTo(3, 3);
  });
});
