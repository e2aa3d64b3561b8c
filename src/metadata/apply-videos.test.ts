import { afterEach, beforeEach, expect, test } from 'vitest';
import { OWNER, plan, reasonOf, StoreOnDisk, THREE_JOBS, VIDEO } from './catalog.fixture.js';

let on: StoreOnDisk;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false });
});
afterEach(() => on.close());

const created = { videoId: VIDEO, uploaderId: OWNER, title: 'A walk', description: 'by the river', sizeBytes: 10 };
const uploaded = { videoId: VIDEO, rawKey: `raw/${VIDEO}`, sizeBytes: 12 };
const video = () => on.store.ask('video', [VIDEO]);

test('a video goes from uploading to transcoding to planned', () => {
  expect(reasonOf(on.propose('video.uploaded', uploaded))).toBe('absent');
  expect(reasonOf(on.propose('video.planned', plan()))).toBe('absent');
  expect(reasonOf(on.propose('video.created', created))).toBe('applied');
  expect(reasonOf(on.propose('video.created', created))).toBe('exists');
  expect(video()).toMatchObject({ status: 'uploading', sizeBytes: 10, durationSec: null, jobs: [], viewCount: 0 });
  expect(reasonOf(on.propose('video.planned', plan()))).toBe('conflict');
  expect(on.store.ask('nextUnplannedVideo', [])).toBeNull();

  expect(reasonOf(on.propose('video.uploaded', uploaded))).toBe('applied');
  expect(reasonOf(on.propose('video.uploaded', uploaded))).toBe('conflict');
  expect(video()).toMatchObject({ status: 'transcoding', sizeBytes: 12, rawKey: `raw/${VIDEO}` });
  expect(on.store.ask('nextUnplannedVideo', [])).toEqual({ videoId: VIDEO, rawKey: `raw/${VIDEO}` });

  expect(reasonOf(on.propose('video.planned', plan()))).toBe('applied');
  expect(on.store.ask('nextUnplannedVideo', [])).toBeNull();
  expect(video()).toMatchObject({ status: 'transcoding', durationSec: 12.5 });
  expect(video()?.jobs.map(({ resolution, status }) => [resolution, status])).toEqual([
    ['audio', 'queued'],
    ['360p', 'queued'],
    ['720p', 'queued'],
  ]);
});

test('the second of two planners changes nothing', () => {
  on.plannedVideo();
  const [job] = THREE_JOBS;
  const other = plan(VIDEO, job ? [{ ...job, jobId: 'j_other' }] : []);
  expect(reasonOf(on.propose('video.planned', other))).toBe('conflict');
  expect(on.store.ask('jobCounts', [VIDEO])).toEqual({ queued: 3, processing: 0, done: 0, failed: 0 });
  expect(on.store.ask('jobsOutstanding', [VIDEO])).toBe(3);
});

test('a plan whose job ids are taken, or named twice, is refused whole', () => {
  on.plannedVideo();
  const second = 'v_bbbbbbbbbbbbbbbb';
  on.propose('video.created', { ...created, videoId: second });
  on.propose('video.uploaded', { ...uploaded, videoId: second });
  expect(reasonOf(on.propose('video.planned', plan(second)))).toBe('exists');
  const [job] = THREE_JOBS;
  const twice = job ? [1, 2].map(() => ({ ...job, jobId: 'j_twice' })) : [];
  expect(reasonOf(on.propose('video.planned', plan(second, twice)))).toBe('conflict');
  expect(on.store.ask('nextUnplannedVideo', [])).toMatchObject({ videoId: second });
});

test('an edit holds the revision it was made on', () => {
  expect(reasonOf(on.propose('video.updated', { videoId: VIDEO, title: 'x' }))).toBe('absent');
  on.propose('video.created', created);
  const first = on.propose('video.updated', { videoId: VIDEO, title: 'A long walk', revision: 0 });
  expect(first).toMatchObject({ applied: true, result: { revision: 1 } });
  expect(reasonOf(on.propose('video.updated', { videoId: VIDEO, title: 'late', revision: 0 }))).toBe('conflict');
  expect(reasonOf(on.propose('video.updated', { videoId: VIDEO, description: '' }))).toBe('applied');
  expect(video()).toMatchObject({ title: 'A long walk', description: '', revision: 2 });
});

test('a poster gives the video its thumbnail address', () => {
  expect(reasonOf(on.propose('video.poster', { videoId: VIDEO, key: `poster/${VIDEO}.jpg` }))).toBe('absent');
  on.propose('video.created', created);
  on.propose('video.poster', { videoId: VIDEO, key: `poster/${VIDEO}.jpg` });
  expect(video()).toMatchObject({ thumbnailUrl: `/vod/${VIDEO}/poster.jpg`, posterKey: `poster/${VIDEO}.jpg` });
});

test('a failed video keeps its reason and gives up its jobs', () => {
  expect(reasonOf(on.propose('video.failed', { videoId: VIDEO, reason: 'gone' }))).toBe('absent');
  on.plannedVideo();
  const job = on.claim();
  expect(reasonOf(on.propose('video.failed', { videoId: VIDEO, reason: 'not a video' }))).toBe('applied');
  expect(reasonOf(on.propose('video.failed', { videoId: VIDEO, reason: 'again' }))).toBe('conflict');
  expect(video()).toMatchObject({ status: 'failed', failureReason: 'not a video' });
  expect(on.store.ask('jobsOutstanding', [VIDEO])).toBe(0);
  expect(reasonOf(on.complete(job))).toBe('denied');
  expect(reasonOf(on.propose('job.claimed', { workerId: 'w' }))).toBe('absent');
});

test('a deleted video says which objects it leaves, and takes all its rows with it', () => {
  on.plannedVideo();
  on.propose('video.poster', { videoId: VIDEO, key: `poster/${VIDEO}.jpg` });
  on.propose('heartbeats.recorded', beat([{ userId: 'u_1', progressSec: 3 }]));
  const job = on.claim();
  const verdict = on.propose('video.deleted', { videoId: VIDEO });
  expect(verdict).toMatchObject({
    result: {
      keys: [`raw/${VIDEO}`, `poster/${VIDEO}.jpg`],
      prefixes: ['job/j_360/', 'job/j_720/', 'job/j_audio/'],
    },
  });
  expect(reasonOf(on.propose('video.deleted', { videoId: VIDEO }))).toBe('absent');
  expect(reasonOf(on.complete(job))).toBe('absent');
  expect(video()).toBeNull();
  expect(on.store.ask('watchHistory', ['u_1', 10])).toEqual([]);
  expect(on.store.ask('hasQueuedJob', [])).toBe(false);
});

test('heartbeats count views and keep the latest progress', () => {
  on.propose('video.created', created);
  on.propose('heartbeats.recorded', beat([{ userId: 'u_1', progressSec: 30 }]), { at: 9_000 });
  on.propose('heartbeats.recorded', beat([{ userId: 'u_1', progressSec: 12 }]), { at: 8_000 });
  expect(video()?.viewCount).toBe(4);
  expect(on.store.ask('watchHistory', ['u_1', 10])).toEqual([{ videoId: VIDEO, timestamp: 9_000, progressSec: 30 }]);
});

test('heartbeats of a video that is gone are passed over', () => {
  expect(reasonOf(on.propose('heartbeats.recorded', beat([{ userId: 'u_1', progressSec: 3 }])))).toBe('applied');
  expect(on.store.ask('watchHistory', ['u_1', 10])).toEqual([]);
});

test('uploads that began before a time are found, oldest first', () => {
  on.propose('video.created', created, { at: 2_000 });
  on.propose('video.created', { ...created, videoId: 'v_bbbbbbbbbbbbbbbb' }, { at: 1_000 });
  on.propose('video.created', { ...created, videoId: 'v_cccccccccccccccc' }, { at: 3_000 });
  const ids = on.store.ask('staleUploads', [3_000, 10]).map(({ videoId }) => videoId);
  expect(ids).toEqual(['v_bbbbbbbbbbbbbbbb', VIDEO]);
});

const beat = (watchers: { userId: string; progressSec: number }[]) => ({
  minute: 28_000_000,
  videos: [{ videoId: VIDEO, views: 2, beats: 12, bufferEvents: 0, watchers }],
});
