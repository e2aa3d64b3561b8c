import { type ChildProcess, spawn } from 'node:child_process';
import HLS, { type types } from 'hls-parser';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { openBrowser, playback } from '../browser.js';
import { decodedFrames, judgeHls, probe } from '../judges.js';
import { wholeSegments } from '../playlists.js';

/** What a publisher sends reaches viewers as it is, as long as its keys allow. */
interface Channel {
  readonly rtmpUrl: string;
  readonly hlsUrl: string;
  readonly dashUrl: string;
  readonly watchUrl: string;
}

let box: TestBox;
let browser: Browser;
const publishers = new Set<ChildProcess>();

beforeAll(async () => {
  const settings = ['live.preset=passthrough', 'transcode.pixelsPerSecond=60000000', 'live.windowSegments=30'];
  box = await startBox({ args: settings.flatMap((setting) => ['--set', setting]) });
  browser = await openBrowser();
});

afterAll(async () => {
  for (const publisher of publishers) publisher.kill('SIGKILL');
  await browser?.close();
  await cleanUp();
});

/** With B-frames, as OBS sends them; `keys` as `-force_key_frames` takes it. */
function push(rtmpUrl: string, keys: string): void {
  const sources = [
    '-re',
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=640x360:rate=30',
    '-re',
    '-f',
    'lavfi',
    '-i',
    'sine=r=48000',
  ];
  const picture = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-sc_threshold', '0', '-g', '900'];
  const coding = [...picture, '-force_key_frames', keys, '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2'];
  const args = ['-v', 'error', ...sources, '-t', '120', ...coding, '-f', 'flv', rtmpUrl];
  const child = spawn('ffmpeg', args, { stdio: 'ignore' });
  publishers.add(child);
  child.once('exit', () => publishers.delete(child));
}

interface Listed {
  readonly targetDuration: number;
  readonly segments: readonly types.Segment[];
}

async function playlists(hlsUrl: string): Promise<Listed[]> {
  const master = await (await fetch(hlsUrl)).text();
  const uris = [...master.matchAll(/(?:^|URI=")([^\s"]+\.m3u8)/gm)].map((match) => match[1] ?? '');
  const texts = await Promise.all(uris.map(async (uri) => (await fetch(new URL(uri, hlsUrl))).text()));
  return texts
    .map((text) => HLS.parse(text) as types.MediaPlaylist)
    .map((playlist) => ({ targetDuration: playlist.targetDuration, segments: wholeSegments(playlist) }));
}

const segmentsOf = async (hlsUrl: string) => (await playlists(hlsUrl).catch(() => []))[0]?.segments ?? [];

it('plays in a browser, in segments of the source’s own keys, with nothing encoded', async () => {
  const channel = await box.json<Channel>('channel', 'create', 'as-it-is');
  push(channel.rtmpUrl, 'expr:gte(t,n_forced*2)');
  await until(
    async () => (await segmentsOf(channel.hlsUrl)).length >= 4,
    60_000,
    () => box.printed(),
  );
  expect(box.printed()).toMatch(/"by":"passthrough"/);
  const page = await browser.newPage();
  await page.goto(channel.watchUrl);
  await until(
    async () => ((await playback(page))?.frames ?? 0) > 60,
    60_000,
    () => box.printed(),
  );
  expect(await playback(page)).toMatchObject({ error: null, width: 640, height: 360 });
  await page.close();
  const { master } = await judgeHls(channel.hlsUrl);
  expect(master.variants).toHaveLength(1);
  expect(master.variants[0]?.codecs).toMatch(/^avc1\.64[0-9a-f]{4},mp4a\.40\.2$/);
  for (const { segments, targetDuration } of await playlists(channel.hlsUrl)) {
    expect(targetDuration).toBe(2);
    for (const { duration } of segments.slice(1)) expect(Math.abs(duration - 2)).toBeLessThan(0.1);
  }
  for (const url of [channel.hlsUrl, channel.dashUrl]) {
    const streams = await probe(url);
    expect(streams.map(({ codec_name }) => codec_name).sort()).toEqual(['aac', 'h264']);
  }
  expect(await decodedFrames(channel.hlsUrl, 3)).toBeGreaterThan(80);
});

it('is encoded from the key on after which keys stay away, and the playlist keeps its promises', {
  timeout: 120_000,
}, async () => {
  const channel = await box.json<Channel>('channel', 'create', 'lazy-keys');
  // Each 2 s up to 5 s, then each 7 s.
  push(channel.rtmpUrl, 'expr:if(lt(t,5),gte(t,n_forced*2),gte(t-prev_forced_t,7))');
  await until(
    async () => (await segmentsOf(channel.hlsUrl)).length >= 6,
    90_000,
    () => box.printed(),
  );
  expect(box.printed()).toMatch(/cannot be passed through any longer/);
  for (const { segments, targetDuration } of await playlists(channel.hlsUrl)) {
    expect(segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
    for (const { duration } of segments) expect(Math.round(duration)).toBeLessThanOrEqual(targetDuration);
    const seconds = segments.reduce((sum, { duration }) => sum + duration, 0);
    const [first, last] = [segments[0], segments.at(-1)];
    const spanned = (Number(last?.programDateTime) - Number(first?.programDateTime)) / 1000 + (last?.duration ?? 0);
    // Neither a hole nor a repetition where the one ends and the other begins.
    expect(Math.abs(seconds - spanned)).toBeLessThan(0.15);
  }
});
