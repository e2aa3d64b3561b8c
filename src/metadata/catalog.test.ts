import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { CHANNEL, KEY, OWNER, outputOf, plan, VIDEO } from './catalog.fixture.js';
import { type Catalog, type CatalogOptions, openCatalog } from './catalog.js';
import type { MetadataFailure } from './failures.js';
import type { LoggedEntry } from './log.js';
import { newEntry } from './new-entry.js';
import { SCHEMA_VERSION } from './schema.js';

let folder: string;
let catalog: Catalog;
let metrics: Metrics;

const open = (options: Partial<CatalogOptions> = {}) => {
  metrics = new Metrics();
  return openCatalog({ file: join(folder, 'deep', 'catalog.sqlite'), log: silentLog, metrics, ...options });
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-catalog-'));
  catalog = await open();
});
afterEach(async () => {
  await catalog.close();
  rmSync(folder, { recursive: true, force: true });
});

const channel = (name = CHANNEL, streamKey = KEY) =>
  newEntry('channel.created', { name, ownerId: OWNER, streamKey }, { id: `channel-${name}` });

test('what is appended is there to ask for, and still there when opened again', async () => {
  const verdict = await catalog.append(channel());
  expect(verdict).toMatchObject({ applied: true, position: SCHEMA_VERSION + 1 });
  expect(await catalog.append({ ...channel(), id: 'again' })).toMatchObject({ applied: false, reason: 'exists' });
  expect(await catalog.channelByKey(KEY)).toMatchObject({ name: CHANNEL });
  const hash = await catalog.tablesHash();
  await catalog.close();
  catalog = await open();
  expect(await catalog.channels({ limit: 10 })).toMatchObject([{ name: CHANNEL, streamKey: KEY }]);
  expect(await catalog.tablesHash()).toBe(hash);
  expect(await catalog.stats()).toMatchObject({ position: SCHEMA_VERSION + 2, channels: 1 });
});

test('a question finds what its caller proposed before it, answered or not', async () => {
  const appended = catalog.append(channel());
  expect(await catalog.channel(CHANNEL)).toMatchObject({ name: CHANNEL });
  await appended;
});

test('a video is uploaded, planned, transcoded and played, every question answered on the way', async () => {
  await catalog.append(newEntry('user.created', { userId: OWNER, name: 'operator', role: 'operator' }));
  expect(await catalog.user(OWNER)).toEqual(await catalog.userByName('operator'));
  expect(await catalog.users({ limit: 10 })).toHaveLength(1);
  const description = '';
  await catalog.append(
    newEntry('video.created', { videoId: VIDEO, uploaderId: OWNER, title: 'A walk', description, sizeBytes: 9 }),
  );
  expect(await catalog.staleUploads(Date.now() + 1_000, 10)).toMatchObject([{ videoId: VIDEO }]);
  await catalog.append(newEntry('video.uploaded', { videoId: VIDEO, rawKey: `raw/${VIDEO}`, sizeBytes: 9 }));
  expect(await catalog.nextUnplannedVideo()).toEqual({ videoId: VIDEO, rawKey: `raw/${VIDEO}` });
  await catalog.append(newEntry('video.planned', plan()));
  for (let left = 3; left > 0; left -= 1) {
    expect(await catalog.jobsOutstanding(VIDEO)).toBe(left);
    expect(await catalog.hasQueuedJob()).toBe(true);
    const claim = await catalog.append(newEntry('job.claimed', { workerId: 'w' }));
    if (!claim.applied) throw new Error(claim.message);
    const { jobId, token, rendition } = claim.result;
    expect(await catalog.processingJobs()).toEqual([{ jobId, videoId: VIDEO, workerId: 'w', token, renewal: 0 }]);
    await catalog.append(newEntry('job.completed', { jobId, token, output: outputOf(jobId, token, rendition) }));
  }
  expect(await catalog.hasQueuedJob()).toBe(false);
  expect(await catalog.jobCounts(VIDEO)).toMatchObject({ done: 3 });
  expect(await catalog.packaged(VIDEO)).toMatchObject({ complete: true, durationSec: 12.5 });
  expect(await catalog.video(VIDEO)).toMatchObject({ status: 'ready', jobs: [{}, {}, {}] });
  expect(await catalog.videos({ limit: 1, status: 'ready' })).toMatchObject([{ id: VIDEO }]);
  expect(await catalog.watchHistory(OWNER, 10)).toEqual([]);
});

test('broadcasts that were left open are found again', async () => {
  await catalog.append(channel());
  const broadcastId = 'b_aaaaaaaaaaaaaaaa';
  await catalog.append(newEntry('broadcast.started', { broadcastId, channel: CHANNEL, at: 7 }));
  await catalog.close();
  catalog = await open();
  expect(await catalog.openBroadcasts()).toEqual([{ broadcastId, channel: CHANNEL, startedAt: 7 }]);
  expect(await catalog.liveBroadcasts(10)).toHaveLength(1);
});

test('followers hear what is accepted, in order, until they stop', async () => {
  const heard: LoggedEntry[] = [];
  const stop = catalog.follow((logged) => heard.push(logged));
  const names = Array.from({ length: 40 }, (_, n) => `c${n}`);
  await Promise.all(names.map((name) => catalog.append(channel(name, `key-of-${name}`))));
  await catalog.append({ ...channel('c1'), id: 'refused' });
  await catalog.append(channel('last', 'the-last-key'));
  await catalog.stats();
  stop();
  await catalog.append(channel('unheard', 'the-unheard-key'));
  await catalog.stats();
  expect(heard.map(({ entry }) => entry.data)).toMatchObject([...names, 'last'].map((name) => ({ name })));
  expect(heard.map(({ position }) => position)).toEqual(
    [...heard.map(({ position }) => position)].sort((a, b) => a - b),
  );
  const log = await catalog.readLog(heard[0]?.position ?? 0, 2);
  expect(log).toEqual(heard.slice(1, 3));
});

test('a malformed entry fails its caller alone', async () => {
  const bad = catalog.append(channel('No Such Name'));
  const good = catalog.append(channel());
  await expect(bad).rejects.toMatchObject({ code: 'metadata.bad-entry', hint: expect.any(String) });
  expect(await good).toMatchObject({ applied: true });
  expect(await metrics.text()).toMatch(/metadata_failures_total\{code="metadata.bad-entry"\} 1/);
  expect(await metrics.text()).toMatch(/metadata_entries_total\{type="channel.created",verdict="applied"\} 1/);
  expect(await metrics.text()).toMatch(/metadata_calls_outstanding 0/);
});

test('more calls than may wait are refused at once, and the others are answered', async () => {
  await catalog.close();
  catalog = await open({ outstandingMax: 5 });
  const calls = Array.from({ length: 9 }, (_, n) => catalog.append(channel(`c${n}`, `key-number-${n}`)));
  const settled = await Promise.allSettled(calls);
  expect(settled.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 5 }, () => 'fulfilled'),
    ...Array.from({ length: 4 }, () => 'rejected'),
  ]);
  await expect(calls[8]).rejects.toMatchObject({ code: 'metadata.overloaded' });
  expect(await catalog.channels({ limit: 10 })).toHaveLength(5);
});

test('a second catalog on the same file is kept out, with a reason', async () => {
  await expect(open()).rejects.toMatchObject({ code: 'metadata.in-use', hint: expect.stringMatching(/--data/) });
});

test('a follower hears of a change before whoever made it is answered', async () => {
  const heard: string[] = [];
  const stop = catalog.follow(({ entry }) => heard.push(entry.type));
  await catalog.append(channel());
  expect(heard).toEqual(['channel.created']);
  await catalog.append(newEntry('channel.configured', { name: CHANNEL, settings: { srtPassphrase: 'ten letters' } }));
  expect(heard).toEqual(['channel.created', 'channel.configured']);
  stop();
});

test('a file that cannot be opened says why', async () => {
  writeFileSync(join(folder, 'in-the-way'), '');
  await expect(open({ file: join(folder, 'in-the-way', 'catalog.sqlite') })).rejects.toMatchObject({
    code: 'metadata.open-failed',
    hint: expect.stringMatching(/is a file/),
  });
});

test('close answers what was asked before it; later calls fail', async () => {
  const appended = catalog.append(channel());
  await catalog.close();
  expect(await appended).toMatchObject({ applied: true });
  await expect(catalog.stats()).rejects.toMatchObject({ code: 'metadata.stopped' });
  await catalog.close();
});

test('when the thread dies, every call that waits fails, every later one too, and the owner hears of it', async () => {
  await catalog.close();
  const started = new Promise<Worker>((resolve) => process.once('worker', resolve));
  const deaths: MetadataFailure[] = [];
  catalog = await open({ onDeath: (failure) => deaths.push(failure) });
  const thread = await started;
  void thread.terminate();
  const settled = await Promise.allSettled([catalog.append(channel()), catalog.stats()]);
  const stopped = { status: 'rejected', reason: { code: 'metadata.stopped' } };
  expect(settled).toMatchObject([stopped, stopped]);
  expect(deaths).toMatchObject([{ code: 'metadata.stopped' }]);
  await expect(catalog.append(channel())).rejects.toMatchObject({ code: 'metadata.stopped' });
});

test('what was acknowledged before a SIGKILL is there after it', async () => {
  const file = join(folder, 'killed.sqlite');
  const child = `
    import { openCatalog } from '${new URL('../../dist/metadata/catalog.js', import.meta.url)}';
    import { silentLog } from '${new URL('../../dist/telemetry/log.js', import.meta.url)}';
    import { Metrics } from '${new URL('../../dist/telemetry/metrics.js', import.meta.url)}';
    import { appendFileSync } from 'node:fs';
    const catalog = await openCatalog({ file: process.argv[1], log: silentLog, metrics: new Metrics() });
    let acknowledged = 0;
    const write = async (lane) => {
      for (let n = 0; ; n += 1) {
        const name = 'c' + lane + '-' + n;
        const data = { name, ownerId: 'u_1', streamKey: 'key-of-' + name };
        const { position } = await catalog.append({ id: name, v: 1, type: 'channel.created', at: n, data });
        appendFileSync(process.argv[2], position + ' ' + name + '\\n');
        acknowledged += 1;
        if (acknowledged === 150) process.kill(process.pid, 'SIGKILL');
      }
    };
    for (const lane of [1, 2, 3, 4, 5]) void write(lane);`;
  const heardFile = join(folder, 'acknowledged');
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', child, file, heardFile], { encoding: 'utf8' });
  expect([run.signal, run.stderr]).toEqual(['SIGKILL', '']);
  const heard = readFileSync(heardFile, 'utf8').trim().split('\n');
  expect(heard).toHaveLength(150);

  const reopened = await open({ file });
  const log = await reopened.readLog(0, 1_000);
  const names = new Set(log.map(({ position, entry }) => `${position} ${entry.id}`));
  const channels = new Set((await reopened.channels({ limit: 1_000 })).map(({ name }) => name));
  for (const line of heard) {
    expect(names).toContain(line);
    expect(channels).toContain(line.split(' ')[1]);
  }
  await reopened.close();
});
