import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Edge, openEdge } from '../../src/edge-cache/edge.js';
import { openHttpServer } from '../../src/http/open-server.js';
import type { HttpServer } from '../../src/http/server.js';
import { mediaPlaylistAt, type ServedOrigin, serveOrigin } from '../../src/origin/origin.fixture.js';
import { openDiskStore } from '../../src/storage/disk-store.js';
import { silentLog } from '../../src/telemetry/log.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { cleanUp, newFolder, until } from '../box.js';
import { openBrowser, playback } from '../browser.js';
import { LoopedBroadcast } from '../looped-broadcast.js';
import { PlayerPage } from '../player-page.js';

/**
 * More than an hour of a live channel, broadcast within seconds on a clock that is put forward, and then on at the pace of the
 * day: a real player goes back an hour in it, through the edge, to what only the object store still has.
 */
const HOUR_SEC = 3600;
const RECORDED_SEC = HOUR_SEC + 160;
const STEP_SEC = 16;
const LIVE_TICK_MS = 100;
const channel = 'town-hall';
const broadcastId = 'b_0000000000000001';

let behindMs = RECORDED_SEC * 1000;
const now = () => Date.now() - behindMs;
const startedAt = now();
let served: ServedOrigin;
let edge: Edge;
let door: HttpServer;
let browser: Browser;
let broadcast: LoopedBroadcast;
let pace: NodeJS.Timeout | undefined;
let hlsUrl: string;

beforeAll(async () => {
  const store = await openDiskStore({ root: join(newFolder(), 'store'), log: silentLog });
  const catalog = { policyOf: async () => ({ dvrSec: 7200, archive: false }), archived: async () => null };
  served = await serveOrigin({ now, recording: { store, catalog, onArchived: () => undefined } });
  const upstream = new URL(served.url);
  const facts = { memoryBytes: 64 * 2 ** 20, log: silentLog, metrics: new Metrics(), now };
  edge = openEdge({ ...facts, origin: upstream, api: upstream });
  door = await openHttpServer({ host: '127.0.0.1', port: 0, engine: 'auto' }, edge.handler, silentLog);
  hlsUrl = `http://127.0.0.1:${door.address.port}/live/${channel}/dvr/index.m3u8`;
  browser = await openBrowser();
  broadcast = await LoopedBroadcast.open(served.origin, { channel, broadcastId, startedAt });
  await broadcastAnHour();
});

afterAll(async () => {
  clearInterval(pace);
  await browser?.close();
  await door?.close(100);
  await edge?.close();
  await served?.close();
  await cleanUp();
});

async function broadcastAnHour(): Promise<void> {
  for (let second = STEP_SEC; second <= RECORDED_SEC; second += STEP_SEC) {
    await broadcast.playTo(second);
    behindMs = (RECORDED_SEC - second) * 1000;
    // No faster than the spool: what comes before it has the last is a gap.
    await until(
      async () => (await newest()) >= second / 2 - 2,
      60_000,
      () => `nothing at ${second} s`,
      2,
    );
  }
  const zero = Date.now() - RECORDED_SEC * 1000;
  pace = setInterval(() => broadcast.playTo((Date.now() - zero) / 1000), LIVE_TICK_MS);
}

async function newest(): Promise<number> {
  const answer = await fetch(`${served.url}/live/${channel}/v180.m3u8`);
  return answer.ok ? Number([...(await answer.text()).matchAll(/\/(\d+)\.m4s$/gm)].at(-1)?.[1]) : -1;
}

interface Place {
  /** Of the picture that is shown, by the playlist, epoch ms. */
  readonly date: number;
  readonly backSec: number;
}

const place = (player: PlayerPage) =>
  player.page.evaluate<Place>(`(() => {
    const { seekable, currentTime } = document.querySelector('video');
    return { date: hls.playingDate?.getTime() ?? 0, backSec: currentTime - seekable.start(0) };
  })()`);

it('lists more than an hour, most of which is in the object store alone', async () => {
  const { segments, mediaSequenceBase } = await mediaPlaylistAt(hlsUrl.replace('index', 'v180'));
  expect(mediaSequenceBase).toBe(0);
  expect(segments.length).toBeGreaterThanOrEqual(RECORDED_SEC / 2 - 2);
  expect(segments.filter(({ gap, discontinuity }) => gap || discontinuity)).toEqual([]);
});

it('a viewer goes back an hour and sees what was shown then, and comes back', async () => {
  const player = await PlayerPage.open(browser, 'hls.js', hlsUrl);
  await player.plays(3);
  const live = await place(player);
  expect(live.backSec).toBeGreaterThan(HOUR_SEC);
  expect(Math.abs(Date.now() - live.date)).toBeLessThan(30_000);

  await player.page.evaluate(`document.querySelector('video').currentTime -= ${HOUR_SEC}`);
  const { frames } = (await playback(player.page)) ?? { frames: 0 };
  await player.plays(5);
  const then = await place(player);
  const wentBackSec = (live.date - then.date) / 1000;
  expect(Math.abs(wentBackSec - HOUR_SEC)).toBeLessThan(30);
  expect(((await playback(player.page))?.frames ?? 0) - frames).toBeGreaterThan(50);

  await player.page.evaluate('document.querySelector("video").currentTime = hls.liveSyncPosition');
  await player.plays(3);
  expect(Math.abs(Date.now() - (await place(player)).date)).toBeLessThan(30_000);
  const { fatal, complaints } = await player.state();
  expect(fatal, complaints.join('\n')).toEqual([]);
  expect((await playback(player.page))?.error).toBeNull();
  await player.close();
});
