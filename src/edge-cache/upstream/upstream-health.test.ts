import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { UpstreamHealth } from './upstream-health.js';

describe('the health of an upstream', () => {
  const limits = { failuresMax: 3, outMs: 10_000, outMsMax: 60_000, slowStartMs: 20_000 };
  let now: number;
  let health: UpstreamHealth;
  const fail = (times = 1): boolean => {
    let left = false;
    for (let time = 0; time < times; time += 1) left = health.failed(now, () => true);
    return left;
  };
  beforeEach(() => {
    now = 1000;
    health = new UpstreamHealth(limits, () => now);
  });

  it('leaves after failures in a row, not after as many between good answers', () => {
    fail(2);
    health.succeeded(now);
    expect(fail(2)).toBe(false);
    expect(health.isOut).toBe(false);
    expect(fail()).toBe(true);
    expect(health).toMatchObject({ isOut: true, outForMs: 10_000 });
  });

  it('comes back by time, on trial: the next failure takes it out for twice as long, up to a bound', () => {
    fail(3);
    for (const outMs of [10_000, 20_000, 40_000, 60_000, 60_000]) {
      now += outMs - 1;
      expect(health.isOut).toBe(true);
      now += 1;
      expect(health).toMatchObject({ isOut: false, isProven: false });
      expect(fail()).toBe(true);
    }
    now += 60_000;
    expect(health.succeeded(now)).toBe(true);
    expect(health.isProven).toBe(true);
    expect(fail(2)).toBe(false);
  });

  it('is asked for one head at a time while it is on trial', () => {
    const early = health.asked();
    health.asked();
    expect(health.isReady).toBe(true);
    fail(3);
    expect(health.isReady).toBe(false);
    now += 10_000;
    expect(health.isReady).toBe(true);
    const trial = health.asked();
    expect(health.isReady).toBe(false);
    early();
    health.asked()();
    expect(health.isReady).toBe(false);
    trial();
    expect(health.isReady).toBe(true);
    health.asked();
    health.succeeded(now);
    expect(health.isReady).toBe(true);
  });

  it('forgets what was once it has been well for long', () => {
    fail(3);
    now += 10_000;
    health.succeeded(now);
    now += 60_001;
    fail(3);
    expect(health.outForMs).toBe(10_000);
  });

  it('starts slowly when it is back', () => {
    expect(health.share).toBe(1);
    fail(3);
    now += 10_000;
    expect(health.share).toBeCloseTo(0.1);
    now += 10_000;
    expect(health.share).toBeCloseTo(0.55);
    now += 10_000;
    expect(health.share).toBe(1);
  });

  it('hears nothing in answers to what was asked before it went out', () => {
    const before = now;
    now += 5;
    fail(3);
    expect(health.succeeded(before)).toBe(false);
    expect(health.isOut).toBe(true);
    now += 10_000;
    expect(health.failed(before, () => true)).toBe(false);
    expect(health.isOut).toBe(false);
  });

  it('is back at once when it answers though it is out', () => {
    fail(3);
    now += 1;
    expect(health.succeeded(now)).toBe(true);
    expect(health.isOut).toBe(false);
    expect(health.share).toBeCloseTo(0.1);
  });

  it('stays while it may not leave, and leaves with the next failure when it may', () => {
    for (let times = 0; times < 5; times += 1) health.failed(now, () => false);
    expect(health.isOut).toBe(false);
    expect(fail()).toBe(true);
  });

  it('leaves and returns by probes', () => {
    expect([false, false, true, false, false].map((good) => health.probed(good))).not.toContain(true);
    expect(health.probed(false)).toBe(true);
    expect(health.isOut).toBe(true);
    now += 600_000;
    expect(health.isOut).toBe(true);
    expect(health.probed(true)).toBe(false);
    expect(health.probed(true)).toBe(true);
    expect(health.isOut).toBe(false);
    expect(health.share).toBeCloseTo(0.1);
  });

  it('always comes back, and always has some weight', () => {
    const step = fc.oneof(
      fc.record({ passMs: fc.nat(100_000) }),
      fc.constantFrom('failed' as const, 'succeeded' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let at = 0;
        const tried = new UpstreamHealth(limits, () => at);
        for (const each of steps) {
          if (each === 'failed') tried.failed(at, () => true);
          else if (each === 'succeeded') tried.succeeded(at);
          else at += each.passMs;
          expect(tried.share).toBeGreaterThan(0);
          expect(tried.share).toBeLessThanOrEqual(1);
          expect(tried.outForMs).toBeLessThanOrEqual(limits.outMsMax);
        }
        at += limits.outMsMax;
        expect(tried.isOut).toBe(false);
      }),
    );
  });
});
