import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ReadPulse } from './read-pulse.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('wakes all who rest together, once, and then has no timer', () => {
  const pulse = new ReadPulse(20);
  const woken: string[] = [];
  expect(pulse.rest(() => woken.push('a'))).toBe(true);
  vi.advanceTimersByTime(15);
  pulse.rest(() => {
    woken.push('b');
    pulse.rest(() => woken.push('b again'));
  });
  vi.advanceTimersByTime(5);
  expect(woken).toEqual(['a', 'b']);
  vi.advanceTimersByTime(20);
  expect(woken).toEqual(['a', 'b', 'b again']);
  expect(vi.getTimerCount()).toBe(0);
});

it('with no period gives no rest', () => {
  expect(new ReadPulse(0).rest(() => {})).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});
