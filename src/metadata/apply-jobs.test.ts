import { afterEach, beforeEach, expect, test } from 'vitest';
import { ATTEMPTS_MAX } from './apply-jobs.js';
import { AUDIO, outputOf, reasonOf, SOURCE, StoreOnDisk, THREE_JOBS, V360, VIDEO } from './catalog.fixture.js';

let on: StoreOnDisk;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false });
});
afterEach(() => on.close());

const video = () => on.store.ask('video', [VIDEO]);
const fail = (jobId: string, token: number, retry: boolean) =>
  on.propose('job.failed', { jobId, token, reason: 'the encoder broke', retry });

test('a claim takes the earliest plan’s lightest job, and its position is the token', () => {
  expect(reasonOf(on.propose('job.claimed', { workerId: 'w' }))).toBe('absent');
  on.plannedVideo();
  on.plannedVideo('v_bbbbbbbbbbbbbbbb', [{ jobId: 'j_later', resolution: 'audio', rendition: AUDIO }]);
  const verdict = on.propose('job.claimed', { workerId: 'w' });
  expect(verdict).toEqual({
    applied: true,
    position: verdict.position,
    result: {
      jobId: 'j_audio',
      videoId: VIDEO,
      resolution: 'audio',
      token: verdict.position,
      attempt: 1,
      rawKey: `raw/${VIDEO}`,
      rendition: AUDIO,
      durationSec: 12.5,
      source: SOURCE,
    },
  });
  expect([on.claim(), on.claim(), on.claim()].map(({ jobId }) => jobId)).toEqual(['j_360', 'j_720', 'j_later']);
  expect(on.store.ask('hasQueuedJob', [])).toBe(false);
  expect(on.store.ask('processingJobs', [])).toHaveLength(4);
});

test('a job put back in good order was no try, however often', () => {
  on.plannedVideo();
  for (let stop = 0; stop <= ATTEMPTS_MAX; stop += 1) {
    const { jobId, token, attempt } = on.claim();
    expect(attempt).toBe(1);
    expect(on.propose('job.released', { jobId, token, reason: 'the box was stopped' })).toMatchObject({
      result: { job: 'queued' },
    });
    expect(reasonOf(on.propose('job.released', { jobId, token, reason: 'again' }))).toBe('denied');
  }
  expect(video()?.status).toBe('transcoding');
});

test('only the current token renews, completes or fails a job', () => {
  on.plannedVideo();
  const lost = on.claim();
  const expired = { jobId: lost.jobId, token: lost.token, renewal: 0 };
  expect(reasonOf(on.propose('job.expired', expired))).toBe('applied');
  expect(reasonOf(on.propose('job.renewed', { jobId: lost.jobId, token: lost.token }))).toBe('denied');
  const current = on.claim('worker-2');
  expect(current).toMatchObject({ jobId: lost.jobId, attempt: 2 });
  expect(current.token).toBeGreaterThan(lost.token);

  expect(reasonOf(on.propose('job.renewed', { jobId: lost.jobId, token: lost.token }))).toBe('denied');
  expect(reasonOf(on.complete(lost))).toBe('denied');
  expect(reasonOf(fail(lost.jobId, lost.token, false))).toBe('denied');
  expect(reasonOf(on.propose('job.expired', expired))).toBe('conflict');

  expect(on.propose('job.renewed', { jobId: lost.jobId, token: current.token })).toMatchObject({
    result: { renewal: 1 },
  });
  expect(reasonOf(on.complete(current))).toBe('applied');
  expect(reasonOf(on.complete(current))).toBe('denied');
});

test('a lease that was renewed meanwhile does not expire', () => {
  on.plannedVideo();
  const { jobId, token } = on.claim();
  on.propose('job.renewed', { jobId, token });
  expect(reasonOf(on.propose('job.expired', { jobId, token, renewal: 0 }))).toBe('conflict');
  expect(reasonOf(on.propose('job.expired', { jobId, token, renewal: 1 }))).toBe('applied');
});

test('what names a job that is not there is told so', () => {
  const lease = { jobId: 'j_none', token: 1 };
  expect(reasonOf(on.propose('job.renewed', lease))).toBe('absent');
  expect(reasonOf(on.propose('job.expired', { ...lease, renewal: 0 }))).toBe('absent');
  expect(reasonOf(on.propose('job.completed', { ...lease, output: outputOf('j_none', 1, AUDIO) }))).toBe('absent');
  expect(reasonOf(fail('j_none', 1, true))).toBe('absent');
});

test('an output that was not made under the lease, or is another rendition, is refused', () => {
  on.plannedVideo();
  const { jobId, token } = on.claim();
  const shared = { ...outputOf(jobId, token, AUDIO), prefix: `job/${jobId}/` };
  expect(reasonOf(on.propose('job.completed', { jobId, token, output: shared }))).toBe('conflict');
  const other = outputOf(jobId, token, V360);
  expect(reasonOf(on.propose('job.completed', { jobId, token, output: other }))).toBe('conflict');
});

test('a video is ready with audio and one rung, and complete with the last', () => {
  on.plannedVideo();
  expect(on.complete(on.claim())).toMatchObject({ result: { job: 'done', video: 'transcoding' } });
  expect(on.store.ask('packaged', [VIDEO])).toBeNull();
  expect(on.complete(on.claim())).toMatchObject({ result: { job: 'done', video: 'ready' } });
  expect(video()).toMatchObject({ status: 'ready', manifestUrl: `/vod/${VIDEO}/index.m3u8` });
  const first = on.store.ask('packaged', [VIDEO]);
  expect(first?.renditions.map(({ rendition }) => rendition.id)).toEqual(['audio', 'v360']);
  expect(first).toMatchObject({ durationSec: 12.5, posterKey: null, complete: false });
  on.complete(on.claim());
  expect(on.store.ask('packaged', [VIDEO])).toMatchObject({ complete: true, renditions: [{}, {}, {}] });
});

test('a video without sound needs one rung, one without picture its sound', () => {
  const [job720, jobAudio] = THREE_JOBS;
  on.plannedVideo(VIDEO, job720 ? [job720] : []);
  expect(on.complete(on.claim())).toMatchObject({ result: { video: 'ready' } });
  on.plannedVideo('v_bbbbbbbbbbbbbbbb', jobAudio ? [jobAudio] : []);
  expect(on.complete(on.claim())).toMatchObject({ result: { video: 'ready' } });
});

test('a ready video outlives the failure of a later rung', () => {
  on.plannedVideo();
  on.complete(on.claim());
  on.complete(on.claim());
  const last = on.claim();
  expect(fail(last.jobId, last.token, false)).toMatchObject({ result: { job: 'failed', video: 'ready' } });
  expect(on.store.ask('packaged', [VIDEO])).toMatchObject({ complete: true, renditions: [{}, {}] });
});

test('without its sound a video fails, once nothing is outstanding, and says why', () => {
  on.plannedVideo();
  const audio = on.claim();
  expect(fail(audio.jobId, audio.token, false)).toMatchObject({ result: { video: 'transcoding' } });
  on.complete(on.claim());
  expect(on.complete(on.claim())).toMatchObject({ result: { video: 'failed' } });
  expect(video()).toMatchObject({ status: 'failed', failureReason: 'audio: the encoder broke', manifestUrl: null });
  expect(on.store.ask('packaged', [VIDEO])).toBeNull();
});

test('a job is tried so often and no more, whether it fails or its worker vanishes', () => {
  on.plannedVideo(VIDEO, THREE_JOBS.slice(0, 1));
  for (let attempt = 1; attempt < ATTEMPTS_MAX; attempt += 1) {
    const { jobId, token } = on.claim();
    const verdict = attempt % 2 ? fail(jobId, token, true) : on.propose('job.expired', { jobId, token, renewal: 0 });
    expect(verdict).toMatchObject({ result: { job: 'queued', video: 'transcoding' } });
  }
  const { jobId, token, attempt } = on.claim();
  expect(attempt).toBe(ATTEMPTS_MAX);
  const verdict = on.propose('job.expired', { jobId, token, renewal: 0 });
  expect(verdict).toMatchObject({ result: { job: 'failed', video: 'failed' } });
  expect(video()?.failureReason).toBe('720p: its worker stopped answering (attempt 3)');
});
