import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { fakeDevices, openBrowser } from '../browser.js';
import { decodedFrames, judgeHls, probe } from '../judges.js';
import { publishWhip, type WhipPage } from '../whip-page.js';

/** Browsers publish by WHIP: two at once, through the public door, with H.264 and with VP8. */
interface Channel {
  readonly name: string;
  readonly streamKey: string;
  readonly hlsUrl: string;
}

let box: TestBox;
let browser: Browser;
const channels: Record<'video/H264' | 'video/VP8', Channel[]> = { 'video/H264': [], 'video/VP8': [] };
const pages: { page: Page; publishing: WhipPage; channel: Channel }[] = [];

async function publishOn(channel: Channel, codec: 'video/H264' | 'video/VP8'): Promise<(typeof pages)[number]> {
  const page = await browser.newPage();
  await page.goto(`${box.http}/`);
  const publishing = await publishWhip(page, { url: `${box.http}/whip`, streamKey: channel.streamKey, codec });
  const published = { page, publishing, channel };
  pages.push(published);
  return published;
}

const serves = (channel: Channel) =>
  until(
    async () => (await fetch(channel.hlsUrl)).status === 200,
    60_000,
    () => box.printed(),
  );

interface Status {
  readonly live: readonly {
    readonly channel: string;
    readonly protocol: string;
    readonly sources: readonly { readonly link: { readonly bitrate: number | null } | null }[];
  }[];
}

beforeAll(async () => {
  box = await startBox({ args: ['--set', 'transcode.pixelsPerSecond=20000000', '--set', 'live.graceSec=0'] });
  browser = await openBrowser(fakeDevices);
  channels['video/H264'].push(await box.json<Channel>('channel', 'create', 'camera-h264'));
  channels['video/VP8'].push(await box.json<Channel>('channel', 'create', 'camera-vp8'));
});

afterAll(async () => {
  await browser?.close();
  await cleanUp();
});

it('publishes H.264 and VP8 with Opus from two pages at once, watched as HLS', async () => {
  for (const codec of ['video/H264', 'video/VP8'] as const) {
    for (const channel of channels[codec]) await publishOn(channel, codec);
  }
  for (const { channel, publishing } of pages) {
    await serves(channel);
    expect(await publishing.state()).toBe('connected');
    const streams = await probe(channel.hlsUrl);
    expect(streams.map(({ codec_name }) => codec_name)).toEqual(expect.arrayContaining(['h264', 'aac']));
    expect(await decodedFrames(channel.hlsUrl, 2)).toBeGreaterThan(20);
    await judgeHls(channel.hlsUrl);
  }
});

it('shows both in the status, with what their links carry', async () => {
  const linked = async () => {
    const { live } = await box.json<Status>('status');
    return live.filter(({ protocol, sources }) => protocol === 'whip' && (sources[0]?.link?.bitrate ?? 0) > 50_000);
  };
  await until(
    async () => (await linked()).length === 2,
    60_000,
    () => box.printed(),
  );
});

it('refuses a wrong key and a second publisher through the door, to a page of any origin', async () => {
  const [first] = pages;
  const page = first?.page;
  await expect(
    publishWhip(page as Page, { url: `${box.http}/whip`, streamKey: 'no-such-key', codec: 'video/VP8' }),
  ).rejects.toThrow(/401 .*whip-unauthenticated/);
  const again = { url: `${box.http}/whip`, streamKey: first?.channel.streamKey ?? '', codec: 'video/VP8' as const };
  await expect(publishWhip(page as Page, again)).rejects.toThrow(/409 .*whip-busy/);
  const preflight = await fetch(`${box.http}/whip`, { method: 'OPTIONS' });
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
  expect(preflight.headers.get('accept-post')).toBe('application/sdp');
});

it('ends the broadcast by DELETE', async () => {
  const [first] = pages;
  if (first === undefined) throw new Error('nobody publishes');
  // The second page's publish above replaced nothing: the first session is still the page's own.
  expect(await first.publishing.stop()).toBe(200);
  await until(
    async () => (await box.json<Status>('status')).live.every(({ channel }) => channel !== first.channel.name),
    60_000,
    () => box.printed(),
  );
  expect(await first.publishing.stop()).toBe(404);
});

it('outlives its WebRTC process: the pages publish again', async () => {
  const pids = () =>
    [...box.printed().matchAll(/"pid":(\d+),"msg":"the WebRTC process serves"/g)].map(([, pid]) => Number(pid));
  const [pid, ...others] = pids();
  expect(others).toEqual([]);
  if (pid === undefined) throw new Error('there is no WebRTC process');
  process.kill(pid, 'SIGKILL');
  await until(
    () => pids().length === 2,
    60_000,
    () => box.printed(),
  );
  await until(
    async () => (await box.json<Status>('status')).live.length === 0,
    60_000,
    () => box.printed(),
  );
  const [channel] = channels['video/VP8'];
  if (channel === undefined) throw new Error('no channel');
  const { publishing } = await publishOn(channel, 'video/VP8');
  await until(async () => (await publishing.state()) === 'connected', 60_000);
  await until(
    async () => (await box.json<Status>('status')).live.some(({ sources }) => (sources[0]?.link?.bitrate ?? 0) > 0),
    60_000,
    () => box.printed(),
  );
});
