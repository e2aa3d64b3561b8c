import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ProcessActivity, parseProcStat, StallDetector } from './stall-detector.js';

/** A process whose figures the test sets; the clock runs by hand. */
function watched() {
  const figures = { given: 0, taken: 0, waiting: true, heldBack: false };
  const state = { activity: { state: 'S', cpuTicks: 0 } as ProcessActivity | null, why: '' };
  const detector = new StallDetector({
    ...{ pid: 1, stallMs: 10_000 },
    given: () => figures.given,
    taken: () => figures.taken,
    waiting: () => figures.waiting,
    heldBack: () => figures.heldBack,
    activity: () => state.activity,
    onStall: (why) => {
      state.why = why;
    },
  });
  const pass = (seconds: number, each: () => void = () => {}) => {
    for (let tick = 0; tick < seconds * 4; tick += 1) {
      each();
      vi.advanceTimersByTime(250);
    }
  };
  return { figures, state, detector, pass };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a process that', () => {
  it('gives nothing and does not run is hung after two seconds', () => {
    const { state, pass } = watched();
    pass(1.5);
    expect(state.why).toBe('');
    pass(1);
    expect(state.why).toMatch(/not run for 2000 ms/);
  });

  it('is stopped is hung, though the kernel still takes input for it', () => {
    const { figures, state, pass } = watched();
    Object.assign(figures, { waiting: false });
    state.activity = { state: 'T', cpuTicks: 7 };
    pass(3, () => {
      figures.taken += 1;
    });
    expect(state.why).toMatch(/not run/);
  });

  it.each<[string, (ticks: number) => ProcessActivity]>([
    ['computes', (ticks) => ({ state: 'S', cpuTicks: ticks })],
    ['waits for a CPU', () => ({ state: 'R', cpuTicks: 0 })],
    ['waits for a disk', () => ({ state: 'D', cpuTicks: 0 })],
  ])('%s gets ten seconds', (_, activity) => {
    const { state, pass } = watched();
    let ticks = 0;
    const run = () => {
      ticks += 1;
      state.activity = activity(ticks);
    };
    pass(9, run);
    expect(state.why).toBe('');
    pass(2, run);
    expect(state.why).toMatch(/no output for 10000 ms/);
  });

  it('is held back by its reader gets ten seconds too', () => {
    const { figures, state, pass } = watched();
    figures.heldBack = true;
    pass(9);
    expect(state.why).toBe('');
    pass(2);
    expect(state.why).toMatch(/no output/);
  });

  it('gives now and then is well', () => {
    const { figures, state, pass } = watched();
    for (let round = 0; round < 20; round += 1) {
      pass(1.5);
      figures.given += 1;
    }
    expect(state.why).toBe('');
  });

  it('has no work is well, for as long as that may be', () => {
    const { figures, state, pass } = watched();
    figures.waiting = false;
    pass(60);
    expect(state.why).toBe('');
  });

  it('cannot be looked at has ten seconds', () => {
    const { state, pass } = watched();
    state.activity = null;
    pass(9);
    expect(state.why).toBe('');
    pass(2);
    expect(state.why).toMatch(/no output/);
  });

  it('is watched no more after the end', () => {
    const { state, detector, pass } = watched();
    detector.close();
    pass(20);
    expect(state.why).toBe('');
  });
});

it("reads the kernel's line, whatever the command is called", () => {
  const line = '4242 (a ) b (c) S 1 4242 4242 0 -1 4194304 1 2 3 4 17 5 0 0 25 5 9 0 1';
  expect(parseProcStat(line)).toEqual({ state: 'S', cpuTicks: 22 });
  expect(parseProcStat('nonsense')).toBeNull();
});
