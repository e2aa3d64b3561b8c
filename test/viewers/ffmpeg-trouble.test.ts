import HLS, { type types } from 'hls-parser';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { openBrowser } from '../browser.js';
import { judgeHls } from '../judges.js';
import { wholeSegments } from '../playlists.js';
import { publish, stopPublishers } from '../publisher.js';
import { Screen } from '../screen.js';

/** ffmpeg dies, or hangs, in the middle of a broadcast: the box replaces it, and viewers go on. */
let box: TestBox;
let browser: Browser;
let screen: Screen;
let channel: { readonly rtmpUrl: string; readonly hlsUrl: string; readonly watchUrl: string };

beforeAll(async () => {
  box = await startBox({ args: ['--set', 'transcode.pixelsPerSecond=60000000', '--set', 'live.windowSegments=60'] });
  browser = await openBrowser();
  channel = await box.json('channel', 'create', 'town-hall');
  publish(channel.rtmpUrl, { size: '640x360', seconds: 600 });
  screen = await Screen.open(browser, channel.watchUrl);
  await until(
    async () => (await screen.shown()).frames > 50,
    60_000,
    () => box.printed(),
  );
});

afterAll(async () => {
  stopPublishers();
  await browser?.close();
  await cleanUp();
});

/** The pid of the channel's ffmpeg, from the log: its last start. */
async function ffmpegPid(): Promise<number> {
  const pids = [...box.printed().matchAll(/"pid":(\d+)[^\n]*live transcoding started/g)].map((match) =>
    Number(match[1]),
  );
  const last = pids.at(-1);
  if (last === undefined) throw new Error(`no ffmpeg was started:\n${box.printed()}`);
  return last;
}

interface Listed {
  readonly sequence: number;
  readonly numbers: readonly number[];
  readonly discontinuities: number;
  /** How much longer all segments are than the time from the first one's start to the last one's end; below 0: there is a hole. */
  readonly repeatedSec: number;
  /** The longest part. */
  readonly partSec: number;
}

async function listed(): Promise<Listed> {
  const master = HLS.parse(await (await fetch(channel.hlsUrl)).text()) as types.MasterPlaylist;
  const url = new URL(master.variants[0]?.uri ?? '', channel.hlsUrl);
  const playlist = HLS.parse(await (await fetch(url)).text()) as types.MediaPlaylist;
  const segments = wholeSegments(playlist);
  const [first, last] = [segments[0], segments.at(-1)];
  const spannedSec = (Number(last?.programDateTime) - Number(first?.programDateTime)) / 1000 + (last?.duration ?? 0);
  return {
    sequence: playlist.mediaSequenceBase ?? 0,
    numbers: segments.map(({ uri }) => Number(/\/(\d+)\.m4s$/.exec(uri)?.[1])),
    discontinuities: segments.filter(({ discontinuity }) => discontinuity).length,
    repeatedSec: segments.reduce((sum, { duration }) => sum + duration, 0) - spannedSec,
    partSec: playlist.partTargetDuration ?? 0,
  };
}

/** A viewer has some seconds in hand; on a box short of CPU they may not last. */
const STALLED_SEC_MAX = 6;

it.each([['SIGKILL'], ['SIGSTOP']] as const)(
  '%s to ffmpeg: viewers go on, after one discontinuity and no hole',
  async (signal) => {
    const before = await listed();
    const pid = await ffmpegPid();
    const at = await screen.shown();
    process.kill(pid, signal);
    await until(
      async () => (await ffmpegPid()) !== pid,
      60_000,
      () => box.printed(),
    );
    // The first segment that the heir makes, and two more.
    await until(
      async () => (await listed()).discontinuities === before.discontinuities + 1,
      60_000,
      () => box.printed(),
    );
    const changed = (await listed()).numbers.at(-1) ?? 0;
    await until(async () => ((await listed()).numbers.at(-1) ?? 0) >= changed + 2, 60_000);
    const after = await listed();
    expect(after.numbers).toEqual(after.numbers.map((_, index) => after.sequence + index));
    expect(after.discontinuities).toBe(before.discontinuities + 1);
    // Nothing is missing. What comes twice is what one rendition had announced before another: less than a part.
    const repeatedSec = after.repeatedSec - before.repeatedSec;
    expect(repeatedSec).toBeGreaterThan(-0.01);
    expect(repeatedSec).toBeLessThan(after.partSec);
    await judgeHls(channel.hlsUrl);
    await until(
      async () => (await screen.shown()).playedSec > at.playedSec + 8,
      60_000,
      () => box.printed(),
    );
    const seen = await screen.shown();
    expect(seen.errors).toEqual([]);
    expect(seen.stalledSec - at.stalledSec, seen.stands.join('\n')).toBeLessThan(STALLED_SEC_MAX);
  },
);
