import { describe, expect, it } from 'vitest';
import { RetryBudget } from './retry-budget.js';

const spent = (budget: RetryBudget): number => {
  let times = 0;
  while (budget.take()) times += 1;
  return times;
};

describe('the retry budget', () => {
  it('allows a burst, and then a fifth of what is asked', () => {
    const budget = new RetryBudget(() => 0);
    expect(spent(budget)).toBe(100);
    let retried = 0;
    for (let times = 0; times < 1000; times += 1) {
      budget.asked();
      if (budget.take()) retried += 1;
    }
    expect(retried).toBeGreaterThanOrEqual(199);
    expect(retried).toBeLessThanOrEqual(200);
  });

  it('allows one a second where little is asked, and saves no more than its burst', () => {
    let now = 0;
    const budget = new RetryBudget(() => now);
    spent(budget);
    now += 3000;
    expect(spent(budget)).toBe(3);
    now += 3_600_000;
    for (let times = 0; times < 10_000; times += 1) budget.asked();
    expect(spent(budget)).toBe(100);
  });
});
