import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { openBrowser, playback } from '../browser.js';
import { decodedFrames, judgeHls, probe } from '../judges.js';
import { type Publisher, publish, stopPublishers } from '../publisher.js';

/** A broadcaster pushes; viewers watch through the edge. */
interface Channel {
  readonly name: string;
  readonly streamKey: string;
  readonly rtmpUrl: string;
  readonly hlsUrl: string;
  readonly dashUrl: string;
  readonly watchUrl: string;
}

let box: TestBox;
let browser: Browser;
let channel: Channel;
let publisher: Publisher;

beforeAll(async () => {
  // A ladder of two rungs, whatever this machine's speed; a broadcast that ends with its publisher.
  box = await startBox({ args: ['--set', 'transcode.pixelsPerSecond=60000000', '--set', 'live.graceSec=0'] });
  browser = await openBrowser();
  channel = await box.json<Channel>('channel', 'create', 'town-hall');
  publisher = publish(channel.rtmpUrl, { size: '960x540', seconds: 600 });
  await until(
    async () => (await fetch(channel.hlsUrl)).status === 200,
    60_000,
    () => box.printed(),
  );
});

afterAll(async () => {
  stopPublishers();
  await browser?.close();
  await cleanUp();
});

it('gives complete addresses for a new channel', () => {
  expect(channel.name).toBe('town-hall');
  expect(channel.rtmpUrl).toBe(`rtmp://${box.rtmp}/live/${channel.streamKey}`);
  expect(channel.hlsUrl).toBe(`${box.http}/live/town-hall/index.m3u8`);
  expect(channel.dashUrl).toBe(`${box.http}/live/town-hall/manifest.mpd`);
  expect(channel.watchUrl).toBe(`${box.http}/watch/town-hall`);
});

it('serves playlists that a strict parser accepts, with an audio rendition and every quality described', async () => {
  const { master, media } = await judgeHls(channel.hlsUrl);
  expect(master.variants.map(({ resolution }) => resolution?.height).sort()).toEqual([360, 540]);
  for (const { codecs, frameRate, bandwidth, averageBandwidth, audio } of master.variants) {
    expect(codecs).toMatch(/^avc1\.[0-9a-f]{6},mp4a\.40\.2$/);
    expect(frameRate).toBe(25);
    expect(bandwidth).toBeGreaterThanOrEqual(averageBandwidth ?? 0);
    expect(audio).toHaveLength(1);
  }
  for (const playlist of media) expect(playlist.segments.length).toBeGreaterThan(0);
});

it('plays in a browser, and in another quality when that is chosen', async () => {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(channel.watchUrl);
  await until(
    async () => ((await playback(page))?.frames ?? 0) > 25,
    60_000,
    () => box.printed(),
  );
  const labels = await page.locator('#quality option').allTextContents();
  expect(labels.map((label) => label.replace(/ .*/, ''))).toEqual(['Auto', '540p', '360p']);
  for (const height of [360, 540]) {
    await page.locator('#quality').selectOption({ label: `${height}p` });
    await until(async () => (await playback(page))?.height === height, 60_000);
    const before = await playback(page);
    await until(async () => ((await playback(page))?.time ?? 0) > (before?.time ?? 0) + 1, 60_000);
  }
  const after = await playback(page);
  expect(after?.error).toBeNull();
  expect(after?.paused).toBe(false);
  await until(async () => /behind live/.test((await page.locator('#latency').textContent()) ?? ''), 60_000);
  expect(errors).toEqual([]);
  await page.close();
});

it('shows the channel on the home page', async () => {
  const page = await browser.newPage();
  await page.goto(`${box.http}/`);
  await page.locator('#live a[href="/watch/town-hall"]').waitFor();
  await page.close();
});

it('is read by ffprobe and decoded by ffmpeg, as HLS and as DASH', async () => {
  for (const url of [channel.hlsUrl, channel.dashUrl]) {
    const streams = await probe(url);
    expect(streams.map(({ codec_name }) => codec_name)).toContain('h264');
    expect(streams.map(({ codec_name }) => codec_name)).toContain('aac');
    // Four seconds from where the sound begins, which may be a picture before the first picture.
    expect([99, 100]).toContain(await decodedFrames(url, 4));
  }
});

it('answers through the edge cache', async () => {
  const variant = new URL('v360.m3u8', channel.hlsUrl);
  const playlist = await (await fetch(variant)).text();
  const segment = new URL(/^\/media\/\S+\.m4s$/m.exec(playlist)?.[0] ?? '', channel.hlsUrl);
  const first = await fetch(segment);
  const bytes = await first.arrayBuffer();
  const again = await fetch(segment);
  expect(await again.arrayBuffer()).toEqual(bytes);
  expect(first.headers.get('cache-status')).toMatch(/^Headwater; (hit|fwd=)/);
  expect(again.headers.get('cache-status')).toMatch(/^Headwater; hit/);
  expect(again.headers.get('cache-control')).toContain('immutable');
  expect((await fetch(channel.hlsUrl)).headers.get('cache-control')).toMatch(/max-age=\d/);
});

it('refuses a second publisher and a wrong key with a clear status, and the first goes on', async () => {
  const second = await publish(channel.rtmpUrl, { seconds: 5 }).done;
  expect(second.code).not.toBe(0);
  const stranger = await publish(channel.rtmpUrl.replace(channel.streamKey, 'no-such-key'), { seconds: 5 }).done;
  expect(stranger.code).not.toBe(0);
  const status = await box.json<{ live: { channel: string }[] }>('status');
  expect(status.live.map((live) => live.channel)).toEqual(['town-hall']);
  expect(publisher.pid).toBeGreaterThan(0);
});

/** Its playlists are there, all of them, and open. */
async function isLive(hlsUrl: string): Promise<boolean> {
  const { media } = await judgeHls(hlsUrl).catch(() => ({ media: [] }));
  return media.length > 0 && media.every(({ endlist }) => !endlist);
}

it('cuts the publisher when its key is rotated; the new key takes a push', async () => {
  const rotated = await box.json<Channel>('channel', 'rotate-key', 'town-hall');
  expect(rotated.streamKey).not.toBe(channel.streamKey);
  await publisher.done;
  publisher = publish(rotated.rtmpUrl, { seconds: 600 });
  await until(
    async () => (await box.json<{ live: unknown[] }>('status')).live.length === 1,
    60_000,
    () => box.printed(),
  );
  await until(async () => isLive(channel.hlsUrl), 60_000);
  await judgeHls(channel.hlsUrl);
});

it('ends the playlist when the publisher leaves, and what was announced still plays', async () => {
  await publisher.stop();
  const variant = new URL('v360.m3u8', channel.hlsUrl);
  await until(
    async () => (await (await fetch(variant)).text()).includes('#EXT-X-ENDLIST'),
    60_000,
    () => box.printed(),
  );
  await judgeHls(channel.hlsUrl);
  expect(await decodedFrames(channel.hlsUrl)).toBeGreaterThan(0);
  // For some seconds the MPD is an open one with an end, for the players that are there.
  await until(async () => (await (await fetch(channel.dashUrl)).text()).includes('type="static"'), 60_000);
  expect(await decodedFrames(channel.dashUrl)).toBeGreaterThan(0);
});
