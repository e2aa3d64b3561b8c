import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VideoFacts } from '../media/source-facts.js';
import { silentLog } from '../telemetry/log.js';
import { mediaTools } from './media-tools.js';
import { makePoster, posterSize } from './stills.js';
import { H264, lumaOf, makeFile, packetsOf } from './vod.fixture.js';

const facts: VideoFacts = {
  codec: 'h264',
  width: 320,
  height: 180,
  rotation: 0,
  sampleAspectRatio: 1,
  frameRate: 25,
  interlaced: false,
  hdr: false,
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-stills-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  [
    { width: 640, height: 360 },
    { width: 640, height: 360 },
  ],
  [
    { width: 3840, height: 2160 },
    { width: 1280, height: 720 },
  ],
  [
    { width: 1920, height: 1080, rotation: 90 as const },
    { width: 720, height: 1280 },
  ],
  [
    { width: 720, height: 576, sampleAspectRatio: 64 / 45 },
    { width: 1024, height: 576 },
  ],
  [
    { width: 333, height: 187 },
    { width: 334, height: 188 },
  ],
  [
    { width: 8000, height: 2 },
    { width: 1280, height: 2 },
  ],
])('%o is shown as %o', (source, size) => {
  expect(posterSize({ ...facts, ...source })).toEqual(size);
});

async function poster(name: string, filter: string, seconds: number, gop: number): Promise<string | null> {
  const path = await makeFile(folder, name, ['-f', 'lavfi', '-i', filter, ...H264, '-g', String(gop)]);
  const output = join(folder, `${name}.jpg`);
  const options = {
    path,
    facts,
    videoStreamIndex: 0,
    durationSec: seconds,
    output,
    log: silentLog,
    tools: mediaTools(),
  };
  return (await makePoster(options)) ? output : null;
}

test('a black beginning is passed over', async () => {
  const filter = `color=black:s=320x180:r=25:d=6,drawbox=color=orange:t=fill:enable='gte(t,3)'`;
  const path = await poster('fade-in.mp4', filter, 6, 10);
  expect((await lumaOf(path ?? ''))[0]).toBeGreaterThan(60);
});

test('a video that is black throughout still has one, and so has one with a single key frame', async () => {
  expect(await poster('black.mp4', 'color=black:s=320x180:r=25:d=2', 2, 10)).not.toBeNull();
  const path = await poster('one-key.mp4', 'testsrc2=s=320x180:r=25:d=4', 4, 1000);
  expect((await packetsOf(path ?? '')).stream).toMatchObject({ codec_name: 'mjpeg', width: 320, height: 180 });
});

test('a file that holds no picture has none', async () => {
  const options = {
    path: '/dev/null',
    facts,
    videoStreamIndex: 0,
    durationSec: 1,
    log: silentLog,
    tools: mediaTools(),
  };
  expect(await makePoster({ ...options, output: join(folder, 'none.jpg') })).toBe(false);
});
