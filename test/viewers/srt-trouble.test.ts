import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ApiClient, findBox } from '../../src/cli/api-client.js';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { judgeBoxes } from '../box-judge.js';
import { openBrowser } from '../browser.js';
import { Encoder, stopEncoders } from '../encoder.js';
import { WatchedChannel } from '../watched-channel.js';

vi.setConfig({ testTimeout: 150_000, hookTimeout: 60_000 });

/** What viewers at a real player see when SRT's own process dies. */
const STALLED_SEC_MAX = 6;

let box: TestBox;
let api: ApiClient;
let browser: Browser;

beforeAll(async () => {
  const sets = ['transcode.pixelsPerSecond=200000000', 'transcode.hardware=off', 'live.windowSegments=20'];
  [box, browser] = await Promise.all([startBox({ args: sets.flatMap((each) => ['--set', each]) }), openBrowser()]);
  api = new ApiClient(findBox({ data: box.data }));
});

afterAll(async () => {
  await stopEncoders();
  await browser?.close();
  await cleanUp();
});

const open = (name: string) => WatchedChannel.open({ box, api, browser }, name, {});

/** Whoever kept everything finds no fault in it. */
async function expectSound(watched: WatchedChannel): Promise<void> {
  await watched.run.leave();
  expect(watched.run.faults).toEqual([]);
  expect(watched.gapsSec).toBe(0);
  for (const rendition of watched.run.renditions.values()) expect(judgeBoxes(rendition)).toHaveLength(1);
}

async function expectUnbroken(watched: WatchedChannel): Promise<void> {
  const { name } = watched.channel;
  const seen = await watched.seen();
  expect(seen.errors, name).toEqual([]);
  expect(seen.stalledSec, name).toBeLessThan(STALLED_SEC_MAX);
  expect(seen.skippedSec, name).toBeLessThan(1);
  expect(watched.discontinuities, name).toBe(0);
  await expectSound(watched);
}

/** Linux says who a process's children are. */
function srtProcess(): number | undefined {
  const children = readFileSync(`/proc/${box.pid}/task/${box.pid}/children`, 'utf8').trim().split(' ').map(Number);
  return children.find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('srt-listener');
    } catch {
      return false;
    }
  });
}

it("SRT's process is killed: publishers return within the grace time or give way to a backup, and no picture stands", async () => {
  const [alone, backed, witness] = await Promise.all([open('alone'), open('backed'), open('witness')]);
  const returns = true;
  const standardId = `#!::r=backed,m=publish,s=${backed.channel.streamKey}`;
  new Encoder(alone.channel.srtUrl, { returns });
  const primary = new Encoder(`srt://${box.ready.srt}?streamid=${standardId}`, { returns });
  await backed.until((status) => status?.sources.length === 1, 'the primary did not come');
  new Encoder(`${backed.channel.rtmpUrl}?backup=1`);
  new Encoder(witness.channel.rtmpUrl);
  const all = [alone, backed, witness];
  await Promise.all(all.map((watched) => watched.steady(3)));
  await backed.until((status) => status?.sources.length === 2, 'the backup did not come');
  const before = await Promise.all(all.map((watched) => watched.status()));
  const pid = srtProcess();
  if (pid === undefined) throw new Error('there is no SRT process');
  process.kill(pid, 'SIGKILL');
  await until(
    () => (srtProcess() ?? pid) !== pid,
    60_000,
    () => box.printed().slice(-4000),
  );
  await until(() => primary.starts > 1, 60_000);
  const onAir = (role: string) => (status: Awaited<ReturnType<WatchedChannel['status']>>) =>
    status?.state === 'live' && status.sources.some((source) => source.onAir && source.role === role);
  await Promise.all(all.map((watched) => watched.until(onAir('primary'), 'the primary is not back')));
  const after = await Promise.all(all.map((watched) => watched.status()));
  expect(after.map((status) => status?.broadcastId)).toEqual(before.map((status) => status?.broadcastId));
  await Promise.all(all.map(expectUnbroken));
});
