import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Edge, openEdge } from '../../src/edge-cache/edge.js';
import { openHttpServer } from '../../src/http/open-server.js';
import type { HttpServer } from '../../src/http/server.js';
import { mediaPlaylistAt, type ServedOrigin, serveOrigin } from '../../src/origin/origin.fixture.js';
import type { ArchivedBroadcast } from '../../src/origin/recording/archiver.js';
import type { FinishedRecording } from '../../src/origin/recording/recording-store.js';
import { openDiskStore } from '../../src/storage/disk-store.js';
import { storageFailure } from '../../src/storage/storage-failure.js';
import { silentLog } from '../../src/telemetry/log.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { cleanUp, newFolder, until } from '../box.js';
import { openBrowser } from '../browser.js';
import { FaultyStore, SmallDisk } from '../faulty-store.js';
import { KeptRun } from '../kept-run.js';
import { LoopedBroadcast } from '../looped-broadcast.js';
import { PartFollower } from '../part-follower.js';
import { PlayerPage } from '../player-page.js';

/**
 * The object store is slow, then fails, then is full, all in one broadcast: nobody who watches it notices, the spool catches up
 * each time, and the archive lacks nothing.
 */
const TICK_MS = 100;
/** A fragment, by which sound and picture end apart, and a frame of sound before the first picture. */
const APART_SEC = 0.2 + 0.03;
/** A busy machine's own; live does not wait for the store. */
const STALLED_SEC_MAX = 8;
const PLAYED_SEC = 3;
const BACKLOG_SEGMENTS = 3;
const channel = 'town-hall';
const broadcastId = 'b_0000000000000001';
const videoId = 'v_0000000000000001';

const told: FinishedRecording[] = [];
const archives: ArchivedBroadcast[] = [];
const metrics = new Metrics();
let disk: SmallDisk | null;
let store: FaultyStore;
let served: ServedOrigin;
let edge: Edge;
let door: HttpServer;
let url: string;
let broadcast: LoopedBroadcast;
let pace: NodeJS.Timeout;
let kept: KeptRun;
let follower: PartFollower;
let browser: Browser;
let player: PlayerPage;

beforeAll(async () => {
  const root = newFolder();
  disk = SmallDisk.mount(root);
  store = new FaultyStore(await openDiskStore({ root, log: silentLog }));
  const catalog = {
    policyOf: async () => ({ dvrSec: 7200, archive: true }),
    archived: async (recording: FinishedRecording) => {
      told.push(recording);
      return { videoId };
    },
  };
  const onArchived = (archive: ArchivedBroadcast) => archives.push(archive);
  const recording = { store, catalog, onArchived, pauseMs: 100 };
  served = await serveOrigin({ metrics, objects: store, vod: { video: videoOf }, recording });
  const upstream = new URL(served.url);
  const limits = { memoryBytes: 64 * 2 ** 20, log: silentLog, metrics: new Metrics() };
  edge = openEdge({ ...limits, origin: upstream, api: upstream });
  door = await openHttpServer({ host: '127.0.0.1', port: 0, engine: 'auto' }, edge.handler, silentLog);
  url = `http://127.0.0.1:${door.address.port}`;
  const startedAt = Date.now();
  broadcast = await LoopedBroadcast.open(served.origin, { channel, broadcastId, startedAt });
  pace = setInterval(() => broadcast.playTo((Date.now() - startedAt) / 1000), TICK_MS);
  const hlsUrl = `${url}/live/${channel}/index.m3u8`;
  kept = KeptRun.follow(hlsUrl);
  browser = await openBrowser();
  await until(() => kept.renditions.size === 2, 60_000);
  follower = PartFollower.follow(`${url}/live/${channel}/v180.m3u8`);
  player = await PlayerPage.open(browser, 'hls.js low latency', hlsUrl);
  await player.plays(2);
});

afterAll(async () => {
  clearInterval(pace);
  await browser?.close();
  await door?.close(100);
  await edge?.close();
  await served?.close();
  disk?.unmount();
  await cleanUp();
});

async function videoOf() {
  const [recording] = told;
  if (recording === undefined) return null;
  const { durationSec, archiveKey } = recording;
  return { videoId, durationSec, archiveKey, renditions: [], posterKey: null, complete: true };
}

const backlog = async () => Number(/recording_backlog_segments (\d+)/.exec(await metrics.text())?.[1]);
const keptSegments = () => [...kept.renditions.values()].flatMap(({ segments }) => [...segments.values()]);

const faults: readonly { readonly name: string; begin(): void; end(): void }[] = [
  {
    name: 'is slow',
    begin: () => {
      store.slowMs = 5000;
    },
    end: () => {
      store.slowMs = 0;
    },
  },
  {
    name: 'fails',
    begin: () => {
      store.failure = storageFailure('storage.failed', 'the device fails', { hint: 'Replace it.' });
    },
    end: () => {
      store.failure = null;
    },
  },
  {
    name: 'is full',
    begin: () => {
      if (disk !== null) disk.fill();
      else store.failure = storageFailure('storage.full', 'no room', { hint: 'Free some.' });
    },
    end: () => {
      disk?.free();
      store.failure = null;
    },
  },
];

it.each(faults)('a store that $name: the picture moves on, and the spool catches up', async ({ name, begin, end }) => {
  const before = await player.shown();
  const { refused } = store;
  begin();
  await until(
    async () => (await backlog()) >= BACKLOG_SEGMENTS,
    60_000,
    () => 'nothing waits for the store',
  );
  const shown = await player.plays(PLAYED_SEC);
  if (name !== 'is slow') expect(store.refused).toBeGreaterThan(refused);
  end();
  await until(
    async () => (await backlog()) <= 1,
    60_000,
    () => 'the spool does not catch up',
  );
  const { fatal, complaints } = await player.state();
  expect({ fatal, errors: shown.errors }, complaints.join('\n')).toEqual({ fatal: [], errors: [] });
  expect(shown.stalledSec - before.stalledSec).toBeLessThan(STALLED_SEC_MAX);
  expect(kept.faults).toEqual([]);
  expect(keptSegments().filter(({ gap, discontinuity }) => gap || discontinuity)).toEqual([]);
});

it('the archive has all that was announced', async () => {
  clearInterval(pace);
  await broadcast.end();
  served.origin.fragments.endBroadcast(broadcastId);
  await Promise.all([kept.done, follower.done]);
  expect([...kept.faults, ...follower.faults]).toEqual([]);
  await until(() => archives.length > 0, 60_000);
  expect(archives[0]).toMatchObject({ videoId, complete: true });
  const lists = await Promise.all(['v180', 'audio'].map((id) => mediaPlaylistAt(`${url}/vod/${videoId}/${id}.m3u8`)));
  expect(lists.map(({ endlist }) => endlist)).toEqual([true, true]);
  const lengths = lists.map(({ segments }) => segments.reduce((sum, { duration }) => sum + duration, 0));
  // From the first picture on; the sound may begin a frame before it.
  expect(Math.max(...lengths)).toBeCloseTo(told[0]?.durationSec ?? 0, 1);
  expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThan(APART_SEC);
  const archived = lists.flatMap(({ segments }) => segments.map(({ uri }) => uri));
  expect(
    keptSegments()
      .map(({ uri }) => uri)
      .filter((uri) => !archived.includes(uri)),
  ).toEqual([]);
  for (const { uri, bytes } of keptSegments()) {
    const stored = await store.head(uri.replace('/media/', 'live/'));
    expect(stored?.size, uri).toBe(bytes.length);
  }
});
