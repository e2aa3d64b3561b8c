import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ApiClient, findBox } from '../../src/cli/api-client.js';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { judgeBoxes } from '../box-judge.js';
import { openBrowser } from '../browser.js';
import { Encoder, stopEncoders } from '../encoder.js';
import { WatchedChannel } from '../watched-channel.js';

vi.setConfig({ testTimeout: 150_000, hookTimeout: 60_000 });

/**
 * For how long a viewer's picture stands still when something dies: a real player in a browser, its clock held against the
 * picture's. All faults happen at the same time, each on a channel of its own.
 */
/** A player that has run dry stands for as long as nothing comes; what a busy machine takes from it is less. */
const STALLED_SEC_MAX = 4;
const GONE_MS = 5000;

let box: TestBox;
let api: ApiClient;
let browser: Browser;

beforeAll(async () => {
  const sets = ['transcode.pixelsPerSecond=200000000', 'transcode.hardware=off'];
  [box, browser] = await Promise.all([startBox({ args: sets.flatMap((each) => ['--set', each]) }), openBrowser()]);
  api = new ApiClient(findBox({ data: box.data }));
});

afterAll(async () => {
  await stopEncoders();
  await browser?.close();
  await cleanUp();
});

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function onAir(name: string, settings: object = {}): Promise<{ watched: WatchedChannel; encoder: Encoder }> {
  const watched = await WatchedChannel.open({ box, api, browser }, name, settings);
  const encoder = new Encoder(watched.channel.rtmpUrl);
  await watched.steady(3);
  return { watched, encoder };
}

/** Whoever kept everything finds no fault in it. */
async function expectSound(watched: WatchedChannel): Promise<void> {
  await watched.run.leave();
  expect(watched.run.faults).toEqual([]);
  const judged = [...watched.run.renditions.values()].map(judgeBoxes);
  expect(judged).toHaveLength(2);
}

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
  expect(seen.stalledSec).toBeLessThan(STALLED_SEC_MAX);
  expect(seen.skippedSec).toBeLessThan(1);
  expect(watched.discontinuities).toBe(0);
  expect((await watched.status())?.broadcastId).toBe(before?.broadcastId);
  await expectSound(watched);
});

it.concurrent('the publisher is cut and comes back, and the channel holds: the picture stands as long, and then goes on', async () => {
  const { watched, encoder } = await onAir('hold', { onLoss: 'hold' });
  const before = await watched.status();
  await encoder.stop('SIGKILL');
  await watched.until((status) => status?.state === 'holding', 'it does not hold');
  await wait(2 * GONE_MS);
  new Encoder(watched.channel.rtmpUrl);
  await watched.until((status) => status?.state === 'live', 'it did not come back');
  const seen = await watched.seen();
  expect(seen.errors).toEqual([]);
  expect(seen.stalledSec).toBeLessThan((2 * GONE_MS) / 1000 + STALLED_SEC_MAX);
  expect(watched.discontinuities).toBe(1);
  expect((await watched.status())?.broadcastId).toBe(before?.broadcastId);
  await expectSound(watched);
});

/** The pid of the channel's ffmpeg, from the log: its last start. */
function ffmpegOf(name: string): number {
  const starts = box
    .printed()
    .matchAll(new RegExp(`"channel":"${name}"[^\\n]*"pid":(\\d+)[^\\n]*transcoding started`, 'g'));
  return Number([...starts].at(-1)?.[1]);
}

it.concurrent.each(['SIGKILL', 'SIGSTOP'] as const)(
  'ffmpeg gets a %s: one discontinuity, and the picture goes on',
  async (signal) => {
    const { watched } = await onAir(signal.toLowerCase());
    const pid = ffmpegOf(watched.channel.name);
    process.kill(pid, signal);
    await until(
      () => ffmpegOf(watched.channel.name) !== pid,
      20_000,
      () => box.printed().slice(-4000),
    );
    const seen = await watched.seen();
    expect(seen.errors).toEqual([]);
    expect(seen.stalledSec).toBeLessThan(STALLED_SEC_MAX);
    expect(watched.discontinuities).toBe(1);
    await expectSound(watched);
  },
);
