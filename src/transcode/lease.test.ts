import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { Lease } from './lease.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function hold(renew: () => Promise<boolean>) {
  const asked = vi.fn(renew);
  const lease = new Lease({ board: { renew: asked }, job: { jobId: 'j_1', token: 7 }, ttlMs: 9_000, log: silentLog });
  return { lease, asked };
}

test('is renewed every third of its time, until released', async () => {
  const { lease, asked } = hold(async () => true);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(asked.mock.calls).toEqual(Array.from({ length: 3 }, () => ['j_1', 7]));
  lease.release();
  await vi.advanceTimersByTimeAsync(9_000);
  expect(asked).toHaveBeenCalledTimes(3);
  expect(lease.lost.aborted).toBe(false);
});

test('is lost when the board says so', async () => {
  const { lease, asked } = hold(async () => false);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(lease.lost.aborted).toBe(true);
  expect(asked).toHaveBeenCalledTimes(1);
});

test('outlives a board that is away for a moment, not one that is away for the whole time', async () => {
  let away = true;
  const { lease } = hold(async () => {
    if (away) throw new Error('away');
    return true;
  });
  await vi.advanceTimersByTimeAsync(6_000);
  away = false;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(lease.lost.aborted).toBe(false);
  away = true;
  await vi.advanceTimersByTimeAsync(15_000);
  expect(lease.lost.aborted).toBe(true);
});

test('is lost when the board never answers, and asks only once meanwhile', async () => {
  const { lease, asked } = hold(() => new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(15_000);
  expect(lease.lost.aborted).toBe(true);
  expect(asked).toHaveBeenCalledTimes(1);
});
