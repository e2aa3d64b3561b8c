import { describe, expect, it } from 'vitest';
import { RestartPolicy } from './restart-policy.js';

describe('RestartPolicy', () => {
  it('lets the first run start at once', () => {
    expect(new RestartPolicy().waitMs(0)).toBe(0);
  });

  it('doubles the wait with each short run, then cools down, then tries once more', () => {
    const policy = new RestartPolicy();
    const waits = [1, 2, 3, 4, 5].map((second) => policy.failed(second * 1000, 200));
    expect(waits.map(({ waitMs }) => waitMs)).toEqual([250, 500, 1000, 2000, 60_000]);
    expect(waits.map(({ coolDown }) => coolDown)).toEqual([false, false, false, false, true]);
    expect(policy.waitMs(5_000)).toBe(60_000);
    expect(policy.waitMs(65_000)).toBe(0);
    expect(policy.failed(70_000, 200)).toEqual({ waitMs: 60_000, coolDown: true });
  });

  it('forgets after a run that lived long, which is replaced at once', () => {
    const policy = new RestartPolicy();
    policy.failed(0, 100);
    policy.failed(1000, 100);
    expect(policy.failed(100_000, 40_000)).toEqual({ waitMs: 0, coolDown: false });
    expect(policy.failures).toBe(0);
    expect(policy.failed(101_000, 100).waitMs).toBe(250);
  });
});
