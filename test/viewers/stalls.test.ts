import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ApiClient, findBox } from '../../src/cli/api-client.js';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { judgeBoxes } from '../box-judge.js';
import { fakeDevices, openBrowser } from '../browser.js';
import { Encoder, stopEncoders } from '../encoder.js';
import { type Channel, WatchedChannel } from '../watched-channel.js';
import { publishWhip } from '../whip-page.js';

vi.setConfig({ testTimeout: 150_000, hookTimeout: 60_000 });

/**
 * For how long a viewer's picture stands still when something dies: a real player in a browser, its clock held against the
 * picture's. All faults happen at the same time, each on a channel of its own.
 */
/** A player that has run dry stands for as long as nothing comes; what a busy machine takes from it is less. */
const STALLED_SEC_MAX = 6;
/** A process that hangs is given some seconds. */
const HANGS_SEC_MAX = 10;
const GONE_MS = 5000;
/** A publisher that dies may have sent a few pictures of a segment and none of its sound: a run that ends there says so (EXT-X-GAP). */
const RAGGED_SEC = 0.25;

let box: TestBox;
let api: ApiClient;
let browser: Browser;

beforeAll(async () => {
  const sets = ['transcode.pixelsPerSecond=200000000', 'transcode.hardware=off', 'live.windowSegments=20'];
  [box, browser] = await Promise.all([
    startBox({ args: sets.flatMap((each) => ['--set', each]) }),
    openBrowser(fakeDevices),
  ]);
  api = new ApiClient(findBox({ data: box.data }));
});

afterAll(async () => {
  await stopEncoders();
  await browser?.close();
  await cleanUp();
});

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const byRtmp = ({ rtmpUrl }: Channel) => new Encoder(rtmpUrl);

interface OnAir {
  readonly settings?: object;
  readonly start?: (channel: Channel) => Encoder;
}

async function onAir(
  name: string,
  { settings = {}, start = byRtmp }: OnAir = {},
): Promise<{ watched: WatchedChannel; encoder: Encoder }> {
  const watched = await WatchedChannel.open({ box, api, browser }, name, settings);
  const encoder = start(watched.channel);
  await watched.steady(3);
  return { watched, encoder };
}

/** Whoever kept everything finds no fault in it, and nothing missing. */
async function expectSound(watched: WatchedChannel, gapsSecMax = 0): Promise<void> {
  await watched.run.leave();
  expect(watched.run.faults).toEqual([]);
  const judged = [...watched.run.renditions.values()].map(judgeBoxes);
  expect(judged).toHaveLength(2);
  expect(watched.gapsSec).toBeLessThanOrEqual(gapsSecMax);
}

/** The pid of the channel's ffmpeg, from the log: its last start. */
function ffmpegOf(name: string): number {
  const starts = box
    .printed()
    .matchAll(new RegExp(`"channel":"${name}"[^\\n]*"pid":(\\d+)[^\\n]*transcoding started`, 'g'));
  return Number([...starts].at(-1)?.[1]);
}

/** Two channels at a time: more of them, with their encoders and pages, starve a machine of two cores. */
function together(name: string, tests: () => void): void {
  describe(name, () => {
    tests();
    afterAll(async () => {
      await stopEncoders();
      await Promise.all(browser.contexts().map((context) => context.close()));
    });
  });
}

together('a publisher', () => {
  it.concurrent('the publisher is cut and comes back: the slate bridges it, and the picture never stands', async () => {
    const { watched, encoder } = await onAir('slate');
    const before = await watched.status();
    await encoder.stop('SIGKILL');
    await watched.until((status) => status?.state === 'slate', 'no slate came');
    await wait(GONE_MS);
    new Encoder(watched.channel.rtmpUrl);
    await watched.until((status) => status?.state === 'live', 'it did not come back');
    const seen = await watched.seen();
    expect(seen.errors).toEqual([]);
    expect(seen.stalledSec, seen.stands.join('\n')).toBeLessThan(STALLED_SEC_MAX);
    expect(seen.skippedSec).toBeLessThan(1);
    expect(watched.discontinuities).toBe(0);
    expect((await watched.status())?.broadcastId).toBe(before?.broadcastId);
    await expectSound(watched);
  });

  it.concurrent('the publisher is cut and comes back, and the channel holds: the picture stands as long, and then goes on', async () => {
    const { watched, encoder } = await onAir('hold', { settings: { onLoss: 'hold' } });
    const before = await watched.status();
    const cutAt = performance.now();
    await encoder.stop('SIGKILL');
    await watched.until((status) => status?.state === 'holding', 'it does not hold');
    await wait(2 * GONE_MS);
    new Encoder(watched.channel.rtmpUrl);
    await watched.until((status) => status?.state === 'live', 'it did not come back');
    const goneSec = (performance.now() - cutAt) / 1000;
    const seen = await watched.seen();
    expect(seen.errors).toEqual([]);
    expect(seen.stalledSec, seen.stands.join('\n')).toBeLessThan(goneSec + STALLED_SEC_MAX);
    expect(watched.discontinuities).toBe(1);
    expect((await watched.status())?.broadcastId).toBe(before?.broadcastId);
    await expectSound(watched, RAGGED_SEC);
  });
});

together('what comes and goes, and what comes round', () => {
  it.concurrent('a browser that publishes is gone and comes back: the slate bridges it, in one piece', async () => {
    const watched = await WatchedChannel.open({ box, api, browser }, 'browser', {});
    const publish = async () => {
      const page = await browser.newPage();
      await page.goto(`${box.http}/`);
      const { streamKey } = watched.channel;
      await publishWhip(page, { url: `${box.http}/whip`, streamKey, codec: 'video/H264', width: 320, height: 180 });
      return page;
    };
    const page = await publish();
    await watched.steady(3);
    const before = await watched.status();
    await page.close();
    await watched.until((status) => status?.state === 'slate', 'no slate came');
    await wait(GONE_MS);
    await publish();
    await watched.until((status) => status?.state === 'live', 'it did not come back');
    const seen = await watched.seen();
    expect(seen.errors).toEqual([]);
    expect(seen.stalledSec, seen.stands.join('\n')).toBeLessThan(STALLED_SEC_MAX);
    // The slate has the browser's size of picture and its kind of sound: it goes on in the same feed.
    expect(watched.discontinuities).toBe(0);
    expect((await watched.status())?.broadcastId).toBe(before?.broadcastId);
    await expectSound(watched);
  });

  it.concurrent('the clock of a transport stream comes round after 33 bits: nobody notices', async () => {
    const clockSec = 2 ** 33 / 90_000 - 8;
    const { watched, encoder } = await onAir('wraps', { start: ({ srtUrl }) => new Encoder(srtUrl, { clockSec }) });
    const seen = await watched.seen();
    expect(encoder.said).toBe('');
    expect(seen.errors).toEqual([]);
    expect(seen.stalledSec, seen.stands.join('\n')).toBeLessThan(STALLED_SEC_MAX);
    expect(seen.skippedSec).toBeLessThan(1);
    expect(watched.discontinuities).toBe(0);
    await expectSound(watched);
  });
});

together('ffmpeg', () => {
  it.concurrent.each([
    ['SIGKILL', STALLED_SEC_MAX],
    ['SIGSTOP', HANGS_SEC_MAX],
  ] as const)('gets a %s: one discontinuity, and the picture goes on', async (signal, stalledSecMax) => {
    const { watched } = await onAir(signal.toLowerCase());
    const pid = ffmpegOf(watched.channel.name);
    process.kill(pid, signal);
    await until(
      () => ffmpegOf(watched.channel.name) !== pid,
      60_000,
      () => box.printed().slice(-4000),
    );
    const seen = await watched.seen();
    expect(seen.errors).toEqual([]);
    expect(seen.stalledSec, seen.stands.join('\n')).toBeLessThan(stalledSecMax);
    expect(watched.discontinuities).toBe(1);
    await expectSound(watched);
  });
});
