import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as HLS from 'hls-parser';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readMediaPath } from '../media/media-path.js';
import type { PackagedRendition } from '../media/packaged-rendition.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { FakeBoard, FolderObjects } from './job-board.fixture.js';
import {
  AAC,
  cutAt,
  H264,
  joinSegments,
  lumaOf,
  makeFile,
  packetsOf,
  picture,
  soundBegins,
  tone,
  turnUpright,
} from './vod.fixture.js';
import { VodWorker, type VodWorkerOptions } from './vod.js';

const VIDEO = 'v_0123456789abcdef';
let fixtures: string;
let folder: string;
let board: FakeBoard;
let objects: FolderObjects;
let worker: VodWorker | null = null;

beforeAll(async () => {
  fixtures = await mkdtemp(join(tmpdir(), 'headwater-vod-fixtures-'));
  HLS.setOptions({ strictMode: true });
});
afterAll(() => rm(fixtures, { recursive: true, force: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-vod-'));
  board = new FakeBoard();
  objects = new FolderObjects(join(folder, 'objects'));
});
afterEach(async () => {
  await worker?.stop(0);
  worker = null;
  await rm(folder, { recursive: true, force: true });
});

const make = (name: string, args: readonly string[]) => makeFile(fixtures, name, args);
const scratchDir = () => join(folder, 'scratch');

async function upload(path: string): Promise<void> {
  await mkdir(dirname(objects.path('raw/x')), { recursive: true });
  await copyFile(path, objects.path(`raw/${VIDEO}`));
  board.upload(VIDEO);
}

async function startWorker(options: Partial<VodWorkerOptions> = {}): Promise<VodWorker> {
  worker = new VodWorker({
    board,
    objects,
    scratchDir: scratchDir(),
    workerId: 'test',
    log: silentLog,
    metrics: new Metrics(),
    leaseTtlMs: 30_000,
    preset: 'veryfast',
    retryPauseMs: 10,
    audioOnly: true,
    ...options,
  });
  await worker.start();
  return worker;
}

async function transcode(path: string): Promise<void> {
  await upload(path);
  await startWorker();
  await board.settled(VIDEO);
}

function output(id: string): PackagedRendition {
  const job = board.jobs.find(({ rendition }) => rendition.id === id);
  if (job?.output == null)
    throw new Error(`no ${id}: ${JSON.stringify(board.jobs)} ${JSON.stringify([...board.failedVideos])}`);
  return job.output;
}

/** The rendition as a player would put it together. */
function played(id: string): Promise<string> {
  const { prefix, segments } = output(id);
  return joinSegments(objects.path(prefix), join(folder, `${id}.mp4`), segments.length);
}

async function strictPlaylist(id: string, name: string): Promise<HLS.types.MediaPlaylist> {
  const text = await readFile(join(objects.path(output(id).prefix), name), 'utf8');
  const playlist = HLS.parse(text);
  if (playlist.isMasterPlaylist) throw new Error('a multivariant playlist');
  return playlist as HLS.types.MediaPlaylist;
}

describe('a file with picture and sound', () => {
  test('becomes renditions in step with each other, each playable by itself', async () => {
    await transcode(await make('normal.mp4', [...picture('640x540', 5), ...tone(5), ...H264, ...AAC]));
    expect(board.jobs.map(({ resolution }) => resolution)).toEqual(['audio', '360p', '540p']);
    expect(board.plans.get(VIDEO)?.durationSec).toBeCloseTo(5, 1);
    const [low, high, audio] = await Promise.all(
      ['v360', 'v540', 'audio'].map(async (id) => packetsOf(await played(id))),
    );
    for (const packets of [low, high, audio]) expect(packets?.durationSec).toBeCloseTo(5, 1);
    expect(low?.keyTimes.map((time) => time.toFixed(3))).toEqual(['0.000', '2.000', '4.000']);
    expect(high?.keyTimes).toEqual(low?.keyTimes);
    expect(audio?.times[0]).toBe(0);
    expect(high?.stream).toMatchObject({ width: 640, height: 540, codec_name: 'h264', r_frame_rate: '25/1' });
    expect(output('v360').segments.map(({ start, duration }) => [start, duration])).toEqual([
      [0, 360_000],
      [360_000, 90_000],
    ]);
    expect(output('v360').codecs).toMatch(/^avc1\.64[0-9a-f]{4}$/);
    expect(output('audio')).toMatchObject({ codecs: 'mp4a.40.2', timescale: 48_000 });
    expect(output('audio').segments.map(({ name }) => name)).toEqual(['1.m4s', '2.m4s']);
    expect(board.fractions.at(-1)).toBe(1);
    expect(await readdir(scratchDir())).toEqual([]);
    await expectPlaylists();
  });

  /** A strict parser takes them, and they name addresses that are for ever. */
  async function expectPlaylists(): Promise<void> {
    for (const id of ['audio', 'v360', 'v540']) {
      const { segments, prefix, timescale, bandwidth, averageBandwidth } = output(id);
      const playlist = await strictPlaylist(id, 'playlist.m3u8');
      expect(playlist).toMatchObject({ playlistType: 'VOD', endlist: true });
      expect(playlist.segments.map(({ uri }) => readMediaPath(uri))).toEqual(
        segments.map(({ name }) => ({ kind: 'media', owner: VIDEO, rendition: id, name })),
      );
      expect(playlist.segments[0]?.map?.uri).toBe(`/media/${VIDEO}/${id}/init.mp4`);
      const listed = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
      expect(listed).toBeCloseTo(segments.reduce((sum, { duration }) => sum + duration, 0) / timescale, 1);
      expect(bandwidth).toBeGreaterThanOrEqual(averageBandwidth);
      expect((await objects.names(prefix)).length).toBe(segments.length + (id === 'audio' ? 2 : 3));
    }
    const iframes = await strictPlaylist('v360', 'iframes.m3u8');
    expect(iframes.isIFrame).toBe(true);
    expect(iframes.segments.map(({ uri }) => uri.split('/').at(-1))).toEqual(['1.m4s', '1.m4s', '2.m4s']);
    for (const { byterange, uri } of iframes.segments) {
      const size = output('v360').segments.find(({ name }) => uri.endsWith(name))?.bytes ?? 0;
      expect((byterange?.offset ?? 0) + (byterange?.length ?? 0)).toBeLessThanOrEqual(size);
    }
  }

  test('has a poster', async () => {
    const odd = ['-f', 'lavfi', '-i', 'color=orange:s=400x300:d=2,format=yuv444p,crop=333:187'];
    await transcode(await make('odd.mp4', [...odd, ...H264, '-pix_fmt', 'yuv444p']));
    expect(board.posters.get(VIDEO)).toBe(`poster/${VIDEO}.jpg`);
    const { stream } = await packetsOf(objects.path(`poster/${VIDEO}.jpg`));
    expect(stream).toMatchObject({ codec_name: 'mjpeg', width: 334, height: 188 });
    // Odd sizes and 4:4:4 have become what every decoder takes.
    expect((await packetsOf(await played('v186'))).stream).toMatchObject({
      width: 332,
      height: 186,
      pix_fmt: 'yuv420p',
    });
  });
});

describe('shapes of source', () => {
  test('no sound', async () => {
    await transcode(await make('silent.mp4', [...picture('320x180', 2), ...H264]));
    expect(board.jobs.map(({ resolution, status }) => [resolution, status])).toEqual([['180p', 'done']]);
  });

  test('sound alone, six channels, becomes stereo', async () => {
    await transcode(await make('surround.mka', [...tone(2, '5.1'), '-c:a', 'ac3']));
    expect(board.jobs.map(({ resolution }) => resolution)).toEqual(['audio']);
    expect(board.posters.size).toBe(0);
    const { stream, durationSec } = await packetsOf(await played('audio'));
    expect(stream).toMatchObject({ codec_name: 'aac', channels: 2, sample_rate: '48000' });
    expect(durationSec).toBeCloseTo(2, 1);
  });

  test('sound alone is refused where it is not wanted', async () => {
    await upload(await make('tone.mka', [...tone(1, 'stereo'), '-c:a', 'aac']));
    await startWorker({ audioOnly: false });
    await board.until(({ failedVideos }) => failedVideos.size > 0);
    expect([...board.failedVideos.values()]).toEqual([expect.stringContaining('no video, only sound')]);
  });

  test('a phone held upright', async () => {
    const half = 'color=black:s=320x180:d=2:r=25,drawbox=x=0:y=0:w=160:h=180:color=white:t=fill';
    const path = await make('phone.mp4', ['-f', 'lavfi', '-i', half, ...H264]);
    await turnUpright(path, 180);
    await transcode(path);
    const { stream } = await packetsOf(await played('v180'));
    expect(stream).toMatchObject({ width: 180, height: 320 });
    expect(stream.side_data_list ?? []).toEqual([]);
    // Turned a quarter clockwise, what was left is on top.
    const top = await make('top.mp4', ['-i', await played('v180'), '-vf', 'crop=180:100:0:0', ...H264]);
    expect((await lumaOf(top))[10]).toBeGreaterThan(200);
    expect((await packetsOf(objects.path(`poster/${VIDEO}.jpg`))).stream).toMatchObject({ width: 180, height: 320 });
  });

  test('a variable frame rate becomes constant', async () => {
    const uneven = ['-vf', "select='not(mod(n,7))+lt(mod(n,20),9)'", '-fps_mode', 'vfr'];
    await transcode(await make('uneven.mkv', [...picture('320x180', 4), ...uneven, ...H264]));
    const { times } = await packetsOf(await played('v180'));
    const steps = times.toSorted((a, b) => a - b).map((time, index, all) => time - (all[index - 1] ?? time));
    const uniform = steps.slice(2).every((step) => Math.abs(step - (steps[1] ?? 0)) < 0.0005);
    expect(uniform).toBe(true);
    expect(times.length * (steps[1] ?? 0)).toBeCloseTo(4, 0);
  });

  test('a screen recording whose last picture stands for seconds', async () => {
    const args = ['-vf', "select='lt(n,25)+eq(n,26)'", '-fps_mode', 'vfr', '-video_track_timescale', '1000'];
    const moving = await make('moving.mp4', [...picture('320x180', 2), ...args, ...H264]);
    const longer = 'setts=duration=if(eq(N\\,25)\\,4000\\,40)';
    const still = await make('held.mp4', [
      '-i',
      moving,
      '-c',
      'copy',
      '-bsf:v',
      longer,
      '-video_track_timescale',
      '1000',
    ]);
    await transcode(still);
    expect(board.jobs.map(({ status, reason }) => [status, reason])).toEqual([['done', null]]);
  });
});

describe('sound and picture stay in step', () => {
  const flash = (at: number) => `color=black:s=320x180:r=25:d=4,drawbox=color=white:t=fill:enable='gte(t,${at})'`;
  const beep = (at: number) =>
    `sine=f=440:d=4:r=48000,volume=enable='lt(t,${at})':volume=0,aformat=channel_layouts=stereo`;

  async function offsets(): Promise<{ flashSec: number; beepSec: number }> {
    const luma = await lumaOf(await played('v180'));
    return { flashSec: luma.findIndex((mean) => mean > 128) / 25, beepSec: await soundBegins(await played('audio')) };
  }

  test.each(['mp4', 'ts'])('when both begin together (%s)', async (kind) => {
    const inputs = ['-f', 'lavfi', '-i', flash(2), '-f', 'lavfi', '-i', beep(2)];
    await transcode(await make(`together.${kind}`, [...inputs, ...H264, ...AAC]));
    const { flashSec, beepSec } = await offsets();
    expect(Math.abs(flashSec - 2)).toBeLessThan(0.05);
    expect(Math.abs(beepSec - 2)).toBeLessThan(0.06);
  });

  test.each([
    ['mp4', 'sound', ['-i', flash(2), '-itsoffset', '1', '-f', 'lavfi', '-i', beep(1)]],
    ['ts', 'sound', ['-i', flash(2), '-itsoffset', '1', '-f', 'lavfi', '-i', beep(1)]],
    ['mkv', 'picture', ['-itsoffset', '1', '-i', flash(1), '-f', 'lavfi', '-i', beep(2)]],
    ['ts', 'picture', ['-itsoffset', '1', '-i', flash(1), '-f', 'lavfi', '-i', beep(2)]],
  ])('when in %s the %s begins a second late', async (kind, late, inputs) => {
    const [first = '', ...rest] = inputs;
    const before = first === '-i' ? ['-f', 'lavfi', first] : [first, rest.shift() ?? '', '-f', 'lavfi'];
    await transcode(await make(`late-${late}.${kind}`, [...before, ...rest, ...H264, ...AAC]));
    const { flashSec, beepSec } = await offsets();
    expect(Math.abs(flashSec - 2)).toBeLessThan(0.09);
    expect(Math.abs(beepSec - 2)).toBeLessThan(0.09);
    expect((await packetsOf(await played('v180'))).times[0]).toBe(0);
    expect((await packetsOf(await played('audio'))).times[0]).toBe(0);
  });

  test('when the clock of a transport stream jumps midway', async () => {
    const paths: string[] = [];
    for (const index of [0, 1]) {
      const color = `color=${index === 0 ? 'black' : 'white'}:s=320x180:r=25:d=2`;
      const volume = `sine=f=440:d=2:r=48000,volume=${index},aformat=channel_layouts=stereo`;
      const args = ['-f', 'lavfi', '-i', color, '-f', 'lavfi', '-i', volume, ...H264, ...AAC];
      const offset = ['-output_ts_offset', index === 0 ? '500' : '0'];
      paths.push(await make(`clock${index}.ts`, [...args, ...offset, '-muxdelay', '0']));
    }
    const path = join(fixtures, 'jump.ts');
    await writeFile(path, Buffer.concat(await Promise.all(paths.map((part) => readFile(part)))));
    await transcode(path);
    const { flashSec, beepSec } = await offsets();
    expect(Math.abs(flashSec - 2)).toBeLessThan(0.3);
    expect(Math.abs(flashSec - beepSec)).toBeLessThan(0.15);
    expect((await packetsOf(await played('audio'))).durationSec).toBeGreaterThan(3.7);
  });

  test('when the picture changes its size midway', async () => {
    const parts = [`color=black:s=320x180:r=25:d=2`, `color=white:s=640x360:r=25:d=2`];
    const paths: string[] = [];
    for (const [index, part] of parts.entries()) {
      const sound = `sine=f=440:d=2:r=48000,volume=${index},aformat=channel_layouts=stereo`;
      paths.push(
        await make(`part${index}.ts`, ['-f', 'lavfi', '-i', part, '-f', 'lavfi', '-i', sound, ...H264, ...AAC]),
      );
    }
    await transcode(await make('changing.ts', ['-i', `concat:${paths.join('|')}`, '-c', 'copy']));
    const { flashSec, beepSec } = await offsets();
    expect(Math.abs(flashSec - beepSec)).toBeLessThan(0.1);
    expect(Math.abs(flashSec - 2)).toBeLessThan(0.2);
  });
});

describe('files that fail, in words', () => {
  test('MP4 cut short behind its index: read as far as it goes, and refused', async () => {
    const path = await make('cut.mp4', [
      ...picture('320x180', 10),
      ...tone(10),
      ...H264,
      ...AAC,
      '-movflags',
      '+faststart',
    ]);
    await cutAt(path, 0.4);
    await transcode(path);
    for (const { status, reason } of board.jobs) {
      expect(status).toBe('failed');
      expect(reason).toMatch(/^only \d\.\d s of 10\.0 s could be read: the file is truncated/);
    }
    expect(board.failures.every(({ retry }) => !retry)).toBe(true);
    expect(await objects.names('job/')).toEqual([]);
  });

  test('text named .mp4', async () => {
    const path = join(fixtures, 'notes.mp4');
    await writeFile(path, 'Dear all, the video is attached.\n');
    await transcode(path);
    expect(board.failedVideos.get(VIDEO)).toBe('the file is text, not video or audio');
    expect(await readdir(scratchDir())).toEqual([]);
  });

  test('a picture', async () => {
    await transcode(await make('picture.png', [...picture('64x64', 1), '-frames:v', '1']));
    expect(board.failedVideos.get(VIDEO)).toMatch(/is a picture/);
  });
});

describe('the worker', () => {
  const short = () => make('short.mp4', [...picture('160x90', 1), ...H264]);

  test('sweeps the scratch of a killed run, and fetches what is not on this box', async () => {
    await mkdir(join(scratchDir(), 'vod-left'), { recursive: true });
    objects.local = false;
    await transcode(await short());
    expect(board.jobs.map(({ status }) => status)).toEqual(['done']);
    expect(await readdir(scratchDir())).toEqual([]);
  });

  test('tries again after a failure of the box’s own, and says what was wrong', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    await upload(await make('heard.mp4', [...tone(1), ...AAC]));
    objects.putFailures.push(full);
    await startWorker();
    await board.settled(VIDEO);
    expect(board.failures).toEqual([{ reason: expect.stringMatching(/is full; free some space/), retry: true }]);
    expect(board.jobs.map(({ status, attempt }) => [status, attempt])).toEqual([['done', 2]]);
  });

  test('gives up after three tries', async () => {
    await upload(await make('heard.mp4', [...tone(1), ...AAC]));
    for (let count = 0; count < 3; count += 1) objects.putFailures.push(new Error('the store is away'));
    await startWorker();
    await board.settled(VIDEO);
    expect(board.failures.map(({ retry }) => retry)).toEqual([true, true, false]);
    expect(board.jobs[0]).toMatchObject({ status: 'failed', reason: 'the store is away' });
  });

  test('stops working when the lease is lost, and leaves nothing', async () => {
    await upload(await make('long.mp4', [...picture('1280x720', 20), ...H264]));
    board.leaseHeld = false;
    await startWorker({ leaseTtlMs: 300, preset: 'slower' });
    await board.until(({ jobs }) => jobs.some(({ status }) => status === 'processing'));
    await expect.poll(() => readdir(scratchDir()), { timeout: 15_000 }).not.toEqual([]);
    await worker?.stop(30_000);
    expect(board.jobs.some(({ status }) => status === 'done')).toBe(false);
    expect(board.failures).toEqual([]);
    expect(await readdir(scratchDir())).toEqual([]);
    expect(await objects.names('job/')).toEqual([]);
  });

  test('puts a job back when it is stopped', async () => {
    await upload(await make('long.mp4', [...picture('1280x720', 20), ...H264]));
    await startWorker({ preset: 'slower' });
    await board.until(({ fractions }) => fractions.length > 0);
    await worker?.stop(0);
    expect(board.failures).toEqual([]);
    expect(board.released).toEqual(['the box was stopped']);
    expect(await readdir(scratchDir())).toEqual([]);
  });

  test('will not use a folder whose name the packager cannot take', async () => {
    await expect(startWorker({ scratchDir: join(folder, 'a,b') })).rejects.toThrow(/cannot be used/);
    worker = null;
  });
});
