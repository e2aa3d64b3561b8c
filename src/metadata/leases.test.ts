import { expect, test } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import type { Entry } from './entries.js';
import { type LeaseBoard, LeaseWatch } from './leases.js';
import type { ProcessingJob } from './records.js';

const lease = (changes: Partial<ProcessingJob> = {}): ProcessingJob => ({
  jobId: 'j_1',
  videoId: 'v_aaaaaaaaaaaaaaaa',
  workerId: 'w',
  token: 4,
  renewal: 0,
  ...changes,
});

/** A board whose leases the test sets, and a clock that it moves. */
class FakeBoard implements LeaseBoard {
  leases: ProcessingJob[] = [];
  proposals: Entry<'job.expired'>[] = [];
  applied = true;
  clock = 50_000;

  async processingJobs() {
    return this.leases;
  }

  async append(entry: Entry<'job.expired'>) {
    this.proposals.push(entry);
    return { applied: this.applied };
  }

  watch(): LeaseWatch {
    return new LeaseWatch({ board: this, ttlMs: 10_000, now: () => this.clock, log: silentLog });
  }
}

test('a lease that is not renewed for the ttl is proposed to be over', async () => {
  const board = new FakeBoard();
  const watch = board.watch();
  board.leases = [lease()];
  expect(await watch.look()).toBe(0);
  board.clock += 9_999;
  expect(await watch.look()).toBe(0);
  board.clock += 1;
  expect(await watch.look()).toBe(1);
  expect(board.proposals).toMatchObject([
    { id: 'expire-j_1-4-0', type: 'job.expired', data: { jobId: 'j_1', token: 4, renewal: 0 } },
  ]);
});

test.each([
  ['renewal', { renewal: 1 }],
  ['new token', { token: 9 }],
])('a %s begins the time anew', async (_, change) => {
  const board = new FakeBoard();
  const watch = board.watch();
  board.leases = [lease()];
  await watch.look();
  board.clock += 9_000;
  board.leases = [lease(change)];
  expect(await watch.look()).toBe(0);
  board.clock += 9_000;
  expect(await watch.look()).toBe(0);
  board.clock += 1_000;
  expect(await watch.look()).toBe(1);
});

test('a job that was not processing meanwhile is new when it is back', async () => {
  const board = new FakeBoard();
  const watch = board.watch();
  for (const leases of [[lease()], [], [lease()]]) {
    board.leases = leases;
    expect(await watch.look()).toBe(0);
    board.clock += 20_000;
  }
});

test('a refused proposal counts for nothing', async () => {
  const board = new FakeBoard();
  board.applied = false;
  const watch = board.watch();
  board.leases = [lease()];
  await watch.look();
  board.clock += 10_000;
  expect(await watch.look()).toBe(0);
});

test('it looks by itself until it is closed, and a board that fails does not stop it', async () => {
  const board = new FakeBoard();
  let looks = 0;
  board.processingJobs = async () => {
    looks += 1;
    if (looks === 1) throw new Error('overloaded');
    return [];
  };
  const watch = board.watch();
  watch.start(1);
  while (looks < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  await watch.close();
  const last = looks;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(looks).toBe(last);
});
