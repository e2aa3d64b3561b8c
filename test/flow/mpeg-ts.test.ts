import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import HLS, { type types } from 'hls-parser';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TsDemuxer } from '../../src/ingest/mpeg-ts/ts-demuxer.js';
import type { Frame } from '../../src/media/frame.js';
import { readInit, readSamples } from '../../src/origin/ts/cmaf-samples.js';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { openBrowser, playback } from '../browser.js';
import { decodedFrames, judgeHls } from '../judges.js';

/** What an old set-top box is given: MPEG-TS made of the CMAF that everybody else gets. */
let box: TestBox;
let browser: Browser;
let publisher: ChildProcess;
let tsUrl: string;
let cmafUrl: string;

beforeAll(async () => {
  const settings = ['live.mpegTs=true', 'live.preset=passthrough', 'live.windowSegments=30', 'live.graceSec=0'];
  [box, browser] = await Promise.all([
    startBox({ args: settings.flatMap((setting) => ['--set', setting]) }),
    openBrowser(),
  ]);
  const channel = await box.json<{ rtmpUrl: string; hlsUrl: string }>('channel', 'create', 'old-box');
  cmafUrl = channel.hlsUrl;
  tsUrl = channel.hlsUrl.replace('/index.m3u8', '/ts/index.m3u8');
  publisher = push(channel.rtmpUrl);
  await until(
    async () => ((await segmentsOf(tsUrl).catch(() => []))?.length ?? 0) >= 2,
    60_000,
    () => box.printed(),
  );
});

afterAll(async () => {
  publisher?.kill('SIGKILL');
  await browser?.close();
  await cleanUp();
});

/** Nine seconds with reordered pictures, as broadcasters' encoders send them. */
function push(rtmpUrl: string): ChildProcess {
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'];
  const tone = ['-re', '-f', 'lavfi', '-i', 'sine=r=48000'];
  const coder = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-sc_threshold', '0', '-g', '50'];
  const sound = ['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2'];
  const args = ['-v', 'error', ...picture, ...tone, '-t', '9', ...coder, ...sound, '-f', 'flv', rtmpUrl];
  return spawn('ffmpeg', args, { stdio: 'ignore' });
}

/** Of the first stream of a multivariant playlist. */
async function mediaPlaylist(url: string): Promise<{ at: URL; playlist: types.MediaPlaylist }> {
  const master = HLS.parse(await (await fetch(url)).text()) as types.MasterPlaylist;
  const at = new URL(master.variants[0]?.uri ?? '', url);
  return { at, playlist: HLS.parse(await (await fetch(at)).text()) as types.MediaPlaylist };
}

const segmentsOf = async (url: string) => (await mediaPlaylist(url)).playlist.segments;

/** From within a segment: pictures and sound do not begin at the same moment, and at 0 it says so when it looks at a bad moment. */
function playsByHlsJs(page: Page, url: string): Promise<unknown> {
  return page.evaluate(`new Promise((resolve, reject) => {
    const video = document.body.appendChild(document.createElement('video'));
    video.muted = true;
    const hls = new Hls({ startPosition: 1 });
    window.hlsErrors = [];
    hls.on(Hls.Events.ERROR, (_, { fatal, type, details, error }) => {
      window.hlsErrors.push(type + ' ' + details + ': ' + error.message);
      if (fatal) reject(new Error(type + ' ' + details));
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => resolve(video.play()));
    hls.loadSource('${url}');
    hls.attachMedia(video);
  })`);
}

it('plays in a browser while it is live', async () => {
  const page = await browser.newPage({ bypassCSP: true, viewport: { width: 400, height: 300 } });
  await page.goto(`${box.http}/time`);
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js') });
  await playsByHlsJs(page, tsUrl);
  await until(
    async () => ((await playback(page))?.frames ?? 0) > 50,
    60_000,
    () => box.printed(),
  );
  expect(await playback(page)).toMatchObject({ error: null, width: 640, height: 360 });
  expect(await page.evaluate('window.hlsErrors')).toEqual([]);
  await page.close();
});

it('is the same pictures and the same sound, for ffmpeg and for our own reader', async () => {
  await until(
    async () => (await mediaPlaylist(tsUrl)).playlist.endlist && (await mediaPlaylist(cmafUrl)).playlist.endlist,
    60_000,
    () => box.printed(),
  );
  const { master, media } = await judgeHls(tsUrl);
  expect(master.variants.map(({ codecs }) => codecs)).toEqual([
    expect.stringMatching(/^avc1\.64[0-9a-f]{4},mp4a\.40\.2$/),
  ]);
  const frames = await decodedFrames(cmafUrl);
  expect(frames).toBeGreaterThan(200);
  expect(await decodedFrames(tsUrl)).toBe(frames);
  const read = await demuxed(media[0]?.segments.map(({ uri }) => new URL(uri, tsUrl)) ?? []);
  // Bit by bit what viewers of CMAF are given, captions and all that stands beside the slices.
  const { at, playlist } = await mediaPlaylist(cmafUrl);
  const init = readInit(await bytesAt(new URL(playlist.segments[0]?.map?.uri ?? '', at)));
  const segments = await Promise.all(playlist.segments.map(({ uri }) => bytesAt(new URL(uri, at))));
  const samples = segments.flatMap((segment) => readSamples(segment, init));
  expect(read.of('video').map(({ key }) => key)).toEqual(samples.map(({ key }) => key));
  expect(read.of('video').every(({ data }, index) => data.equals(samples[index]?.data ?? Buffer.alloc(0)))).toBe(true);
  expect(read.demuxer.damage).toEqual({ continuityErrors: 0, syncLosses: 0, damagedSections: 0, damagedUnits: 0 });
  const sound = read.of('audio');
  expect(sound.length).toBeGreaterThan(400);
  for (const [index, { pts }] of sound.slice(1).entries()) {
    expect(Math.abs(pts - (sound[index]?.pts ?? 0) - 1920)).toBeLessThanOrEqual(90);
  }
});

async function bytesAt(url: URL): Promise<Buffer> {
  return Buffer.from(await (await fetch(url)).arrayBuffer());
}

async function demuxed(urls: readonly URL[]) {
  const frames: Frame[] = [];
  const faults: string[] = [];
  const demuxer = new TsDemuxer({
    onConfig: () => {},
    onFrame: (frame) => frames.push(frame),
    onFault: (message) => faults.push(message),
  });
  for (const url of urls) demuxer.push(await bytesAt(url));
  demuxer.end();
  expect(faults).toEqual([]);
  return { demuxer, of: (track: Frame['track']) => frames.filter((frame) => frame.track === track) };
}
