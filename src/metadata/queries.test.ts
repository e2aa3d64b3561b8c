import { afterEach, beforeEach, expect, test } from 'vitest';
import { OWNER, StoreOnDisk } from './catalog.fixture.js';
import type { VideosPage } from './records.js';
import { videosPage } from './video-queries.js';

let on: StoreOnDisk;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false });
});
afterEach(() => on.close());

function createVideos(count: number, uploaderId = OWNER, start = 0): void {
  for (let n = start; n < start + count; n += 1) {
    const videoId = `v_${String(n).padStart(16, '0')}`;
    // Pairs share their time, so that the id decides between them.
    const at = 1_000 + Math.floor(n / 2);
    on.propose('video.created', { videoId, uploaderId, title: `${n}`, description: '', sizeBytes: n }, { at });
  }
}

const titles = (page: VideosPage) => on.store.ask('videos', [page]).map(({ title }) => title);

test('videos come newest first, a page at a time, and none is missed or doubled', () => {
  createVideos(7);
  const seen: string[] = [];
  let before: VideosPage['before'];
  for (;;) {
    const page = on.store.ask('videos', [before ? { limit: 2, before } : { limit: 2 }]);
    seen.push(...page.map(({ title }) => title));
    const last = page.at(-1);
    if (!last) break;
    before = { createdAt: last.createdAt, id: last.id };
  }
  expect(seen).toEqual(['6', '5', '4', '3', '2', '1', '0']);
});

test('videos are filtered by status and uploader', () => {
  createVideos(2);
  createVideos(2, 'u_other', 2);
  on.propose('video.failed', { videoId: 'v_0000000000000003', reason: 'x' });
  expect(titles({ limit: 10, uploaderId: 'u_other' })).toEqual(['3', '2']);
  expect(titles({ limit: 10, status: 'failed' })).toEqual(['3']);
  expect(titles({ limit: 10, status: 'uploading', uploaderId: 'u_other' })).toEqual(['2']);
  expect(titles({ limit: 10, status: 'ready' })).toEqual([]);
});

const explain = (text: string, values: unknown[]) =>
  on.database
    .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`)
    .all(...values)
    .map(({ detail }) => detail)
    .join('\n');

test.each<[Omit<VideosPage, 'limit'>, RegExp]>([
  [{}, /INDEX videos_created/],
  [{ status: 'ready' }, /INDEX videos_status \(status=\?\)/],
  [{ uploaderId: OWNER }, /INDEX videos_uploader \(uploader_id=\?\)/],
  [{ uploaderId: OWNER, status: 'ready' }, /INDEX videos_uploader_status \(uploader_id=\? AND status=\?\)/],
  [{ before: { createdAt: 5, id: 'v' } }, /INDEX videos_created \(\(created_at,id\)<\(\?,\?\)\)/],
])('a page of videos by %j walks an index, newest first', (filter, index) => {
  const { text, values } = videosPage({ ...filter, limit: 10 });
  const plan = explain(text, values);
  expect(plan).toMatch(index);
  expect(plan).not.toMatch(/SCAN videos(?! USING INDEX)/);
  expect(plan).not.toMatch(/USE TEMP B-TREE FOR ORDER BY/);
});

test.each([
  ['SELECT * FROM watch_history WHERE user_id = ? ORDER BY timestamp DESC LIMIT 10', 'watch_history_recent'],
  [`SELECT 1 FROM transcode_jobs WHERE status = 'queued' ORDER BY planned_position, weight, job_id`, '_queue'],
  [`SELECT 1 FROM transcode_jobs WHERE status = 'processing' ORDER BY job_id`, 'transcode_jobs_leases'],
  ['SELECT 1 FROM transcode_jobs WHERE video_id = ? ORDER BY weight, job_id', 'transcode_jobs_video'],
  [
    `SELECT 1 FROM videos INDEXED BY videos_unplanned WHERE status = 'transcoding' AND source IS NULL ORDER BY created_at, id`,
    'videos_unplanned',
  ],
  ['SELECT 1 FROM broadcasts WHERE ended_at IS NULL ORDER BY channel', 'broadcasts_open'],
  ['SELECT 1 FROM channels WHERE live_broadcast_id IS NOT NULL ORDER BY live_started_at DESC', 'channels_live'],
])('%s has its index and sorts nothing', (text, index) => {
  const plan = explain(text, text.includes('?') ? ['x'] : []);
  expect(plan).toContain(index);
  expect(plan).not.toContain('TEMP B-TREE');
});

test('the seed model’s indexes are there, columns and order', () => {
  const columns = (index: string) =>
    on.database
      .prepare<[], { name: string; desc: number }>(
        `SELECT name, "desc" FROM pragma_index_xinfo('${index}') WHERE key = 1`,
      )
      .all()
      .map(({ name, desc }) => (desc ? `${name} desc` : name));
  expect(columns('videos_uploader_status').slice(0, 3)).toEqual(['uploader_id', 'status', 'created_at desc']);
  expect(columns('watch_history_recent').slice(0, 2)).toEqual(['user_id', 'timestamp desc']);
});

test('the figures add up', () => {
  createVideos(2);
  on.plannedVideo();
  on.claim();
  expect(on.store.ask('stats', [])).toMatchObject({
    videos: { uploading: 2, transcoding: 1, ready: 0, failed: 0 },
    jobs: { queued: 2, processing: 1, done: 0, failed: 0 },
    users: 0,
    channels: 0,
    liveChannels: 0,
  });
});

test('the most watched videos are found by their index, those that can be played alone', () => {
  createVideos(4);
  const ids = [0, 1, 2, 3].map((n) => `v_${String(n).padStart(16, '0')}`);
  on.database.prepare("UPDATE videos SET status = 'ready' WHERE id <> ?").run(ids[3]);
  for (const [n, id] of ids.slice(1).entries()) {
    on.database.prepare('UPDATE videos SET view_count = ? WHERE id = ?').run(n + 1, id);
  }
  expect(on.store.ask('popularVideos', [10])).toEqual([ids[2], ids[1]]);
  expect(on.store.ask('popularVideos', [1])).toEqual([ids[2]]);
  const text = `SELECT id FROM videos INDEXED BY videos_popular WHERE status = 'ready' AND view_count > 0 ORDER BY view_count DESC, id DESC LIMIT ?`;
  expect(explain(text, [1])).toMatch(/INDEX videos_popular/);
  expect(explain(text, [1])).not.toContain('TEMP B-TREE');
});
