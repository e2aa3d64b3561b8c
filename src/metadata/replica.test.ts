import { afterEach, beforeEach, expect, test } from 'vitest';
import { CHANNEL, KEY, OWNER, outputOf, StoreOnDisk, THREE_JOBS, V360, VIDEO } from './catalog.fixture.js';
import { newEntry } from './new-entry.js';
import { Replica } from './replica.js';
import { Statements } from './statements.js';

let on: StoreOnDisk;
let other: StoreOnDisk;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false });
  other = new StoreOnDisk({ durable: false });
});
afterEach(() => {
  on.close();
  other.close();
});

/** Some of everything, refusals included. */
function live(store: StoreOnDisk): void {
  store.propose('user.created', { userId: 'u_1', name: 'ada', role: 'creator' });
  store.propose('channel.created', { name: CHANNEL, ownerId: OWNER, streamKey: KEY });
  store.propose('channel.created', { name: CHANNEL, ownerId: OWNER, streamKey: KEY });
  store.propose('broadcast.started', { broadcastId: 'b_aaaaaaaaaaaaaaaa', channel: CHANNEL, at: 5 });
  store.plannedVideo();
  store.complete(store.claim());
  store.complete(store.claim());
  const watchers = [{ userId: 'u_1', progressSec: 1.25 }];
  const videos = [{ videoId: VIDEO, views: 1, beats: 2, bufferEvents: 0, watchers }];
  store.propose('heartbeats.recorded', { minute: 1, videos });
  store.propose('video.updated', { videoId: VIDEO, title: 'é', revision: 0 });
}

test('two replicas fed the same log are equal, and a third that missed one entry is not', () => {
  live(on);
  for (const { entry } of on.store.ask('readLog', [0, 1_000])) other.commit(entry);
  expect(other.store.position).toBe(on.store.position);
  expect(other.store.ask('tablesHash', [])).toBe(on.store.ask('tablesHash', []));
  other.propose('video.updated', { videoId: VIDEO, title: 'e' });
  expect(other.store.ask('tablesHash', [])).not.toBe(on.store.ask('tablesHash', []));
});

test('a log with gaps between its positions makes the same verdicts', () => {
  const sql = new Statements(other.database);
  const replica = new Replica(sql);
  const start = replica.position;
  const at = (position: number, jobId: string) =>
    replica.apply({ position, entry: newEntry('job.renewed', { jobId, token: 1 }, { id: `${position}` }) });
  expect(at(start + 10, 'j_1')).toMatchObject({ applied: false, reason: 'absent', position: start + 10 });
  expect(() => at(start + 10, 'j_2')).toThrow(/is not after/);
  expect(() => at(start + 3, 'j_2')).toThrow(/is not after/);
});

test('an entry counts once, however often it is appended', () => {
  on.plannedVideo();
  const claim = newEntry('job.claimed', { workerId: 'w' }, { id: 'claim-1' });
  const first = on.commit(claim);
  const hash = on.store.ask('tablesHash', []);
  expect(on.commit(claim)).toEqual(first);
  expect(on.store.ask('tablesHash', [])).toBe(hash);
  expect(on.store.ask('processingJobs', [])).toHaveLength(1);
});

test('a refusal counts once too, though its reason has passed', () => {
  const renew = newEntry('video.updated', { videoId: VIDEO, title: 'x' }, { id: 'edit-1' });
  const first = on.commit(renew);
  on.plannedVideo();
  expect(on.commit(renew)).toEqual(first);
  expect(on.store.ask('video', [VIDEO])?.title).toBe('A walk');
});

test('in a batch, the entry that fails takes no other with it', () => {
  on.plannedVideo(VIDEO, THREE_JOBS.slice(2));
  const commits = on.store.commit([
    newEntry('job.claimed', { workerId: 'w' }, { id: 'a' }),
    { ...newEntry('job.claimed', { workerId: 'w' }), v: 2 },
    newEntry('channel.created', { name: CHANNEL, ownerId: OWNER, streamKey: KEY }, { id: 'b' }),
    newEntry('job.completed', { jobId: 'j_360', token: 1, output: outputOf('j_360', 1, V360) }, { id: 'c' }),
  ]);
  expect(commits).toMatchObject([
    { verdict: { applied: true } },
    { failure: { code: 'metadata.unknown-entry' } },
    { verdict: { applied: true } },
    { verdict: { applied: false, reason: 'denied' } },
  ]);
  expect(on.store.ask('readLog', [0, 1_000]).map(({ entry }) => entry.id)).toEqual(
    expect.arrayContaining(['schema-1', 'a', 'b', 'c']),
  );
});
