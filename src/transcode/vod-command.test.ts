import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AudioRendition, VideoRendition } from '../media/rendition.js';
import type { VideoFacts } from '../media/source-facts.js';
import { silentLog } from '../telemetry/log.js';
import { encodeAudio } from './encode-audio.js';
import { runFfmpeg } from './ffmpeg-process.js';
import { AAC, H264, lumaOf, makeFile, packetsOf, picture, soundBegins, tone } from './vod.fixture.js';
import { rateFraction, type VodSource, vodVideoCommand } from './vod-command.js';

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
const rung: VideoRendition = {
  kind: 'video',
  id: 'v180',
  width: 320,
  height: 180,
  frameRate: 25,
  bitrate: 300_000,
  maxBitrate: 400_000,
};
const sound: AudioRendition = { kind: 'audio', id: 'audio', bitrate: 96_000, sampleRate: 48_000, channels: 2 };
const source: VodSource = {
  path: '/a',
  facts: { video: facts, audio: null },
  videoStreamIndex: 0,
  audioStreamIndex: 1,
  durationSec: 2,
};
const options = { preset: 'veryfast', zscale: true } as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function encode(args: string[]): Promise<void> {
  const outcome = await runFfmpeg(args, { log: silentLog }).done;
  if (!outcome.ok) throw new Error(outcome.stderr);
}

const valueAfter = (args: string[], name: string) => args[args.indexOf(name) + 1] ?? '';

test.each([
  [30_000 / 1001, '30000/1001'],
  [29.97, '30000/1001'],
  [24_000 / 1001, '24000/1001'],
  [59.94, '60000/1001'],
  [25, '25000/1000'],
  [30, '30000/1000'],
  [14.985, '15000/1001'],
  [12.5, '12500/1000'],
])('the rate %d is %s', (rate, fraction) => {
  expect(rateFraction(rate)).toBe(fraction);
});

describe('the command', () => {
  test('opens the source behind fences, before anything else', () => {
    const args = vodVideoCommand(source, rung, '/out.mp4', options);
    const input = args.indexOf('-i');
    expect(args.indexOf('-protocol_whitelist')).toBeLessThan(input);
    expect(args.indexOf('-format_whitelist')).toBeLessThan(input);
    expect(args[input + 1]).toBe('file:/a');
  });

  test('bounds the output, keeps the rung’s ceiling, and reads the other stream for its clock', () => {
    const args = vodVideoCommand(source, rung, '/out.mp4', options);
    expect(valueAfter(args, '-maxrate')).toBe('400000');
    expect(valueAfter(args, '-t')).toBe('7.000');
    expect(args.slice(-9)).toEqual(['-map', '0:1', '-c', 'copy', '-t', '7.000', '-f', 'null', '-']);
    const alone = vodVideoCommand({ ...source, audioStreamIndex: null }, rung, '/out.mp4', options);
    expect(alone.at(-1)).toBe('file:/out.mp4');
  });

  test('deinterlaces and tone-maps only where it must', () => {
    const filters = (video: VideoFacts, zscale = true) =>
      valueAfter(
        vodVideoCommand({ ...source, facts: { video, audio: null } }, rung, '/o', { ...options, zscale }),
        '-vf',
      );
    expect(filters(facts)).toBe('scale=320:180:flags=bicubic:out_range=tv,format=yuv420p,setsar=1');
    expect(filters({ ...facts, interlaced: true })).toMatch(/^bwdif=/);
    expect(filters({ ...facts, hdr: true })).toMatch(/tonemap/);
    expect(filters({ ...facts, hdr: true }, false)).not.toMatch(/tonemap|zscale/);
  });
});

describe('run by ffmpeg', () => {
  test('29.97 frames/s: keys on the grid of 2 s, never more than a frame past it', async () => {
    const path = await makeFile(folder, 'ntsc.mp4', [...picture('320x180', 7, '30000/1001'), ...H264]);
    const output = join(folder, 'ntsc-out.mp4');
    const plan = { ...source, path, audioStreamIndex: null, durationSec: 7 };
    await encode(vodVideoCommand(plan, { ...rung, frameRate: 30_000 / 1001 }, output, options));
    const { keyTimes, stream } = await packetsOf(output);
    expect(keyTimes).toHaveLength(4);
    for (const [index, time] of keyTimes.entries()) expect(time - index * 2).toBeLessThan(1 / 29);
    expect(stream).toMatchObject({ time_base: '1/90000', r_frame_rate: '30000/1001' });
  });

  test('PQ becomes BT.709 and keeps its middle tones', async () => {
    const gray = ['-f', 'lavfi', '-i', 'color=gray:s=320x180:d=1:r=25,format=yuv420p10le'];
    const tags = ['-vf', 'setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv'];
    const path = await makeFile(folder, 'pq.mkv', [...gray, '-c:v', 'ffv1', ...tags]);
    const output = join(folder, 'pq-out.mp4');
    const hdr = { video: { ...facts, hdr: true }, audio: null };
    await encode(vodVideoCommand({ ...source, path, facts: hdr, audioStreamIndex: null }, rung, output, options));
    const { stream } = await packetsOf(output);
    expect(stream).toMatchObject({ color_transfer: 'bt709', color_primaries: 'bt709', pix_fmt: 'yuv420p' });
    const [luma = 0] = await lumaOf(output);
    expect(luma).toBeGreaterThan(60);
    expect(luma).toBeLessThan(240);
  });

  test('fields become frames at the frame rate', async () => {
    const fields = [...picture('320x180', 2), '-vf', 'interlace', ...H264, '-flags', '+ildct+ilme'];
    const path = await makeFile(folder, 'fields.mp4', fields);
    const output = join(folder, 'fields-out.mp4');
    const interlaced = { video: { ...facts, interlaced: true, frameRate: 12.5 }, audio: null };
    const plan = { ...source, path, facts: interlaced, audioStreamIndex: null };
    await encode(vodVideoCommand(plan, { ...rung, frameRate: 12.5 }, output, options));
    const { times, stream } = await packetsOf(output);
    expect(times).toHaveLength(25);
    expect(stream.field_order).toBe('progressive');
  });

  test('sound keeps 44.1 kHz where the rung does, and starts at 0 without an edit list', async () => {
    const path = await makeFile(folder, 'cd.m4a', [...tone(2, 'stereo', 44_100), ...AAC]);
    const output = join(folder, 'cd-out.mp4');
    const plan = { ...source, path, videoStreamIndex: null, audioStreamIndex: 0 };
    const outcome = await encodeAudio(plan, { ...sound, sampleRate: 44_100 }, output, { log: silentLog });
    expect(outcome.ok).toBe(true);
    const { times, stream } = await packetsOf(output);
    expect(times[0]).toBe(0);
    expect(stream).toMatchObject({ sample_rate: '44100', channels: 2 });
  });

  test('sound that changes from stereo to six channels midway is neither padded nor moved', async () => {
    const paths: string[] = [];
    for (const [index, layout] of ['stereo', '5.1'].entries()) {
      const volume = `sine=f=440:d=2:r=48000,volume=${index},aformat=channel_layouts=${layout}`;
      paths.push(await makeFile(folder, `${layout}.ts`, ['-f', 'lavfi', '-i', volume, '-c:a', 'ac3']));
    }
    const path = await makeFile(folder, 'change.ts', ['-i', `concat:${paths.join('|')}`, '-c', 'copy']);
    const output = join(folder, 'change-out.mp4');
    const plan = { ...source, path, videoStreamIndex: null, audioStreamIndex: 0, durationSec: 4 };
    expect((await encodeAudio(plan, sound, output, { log: silentLog })).ok).toBe(true);
    expect((await packetsOf(output)).durationSec).toBeCloseTo(4, 0);
    expect(Math.abs((await soundBegins(output)) - 2)).toBeLessThan(0.1);
  });

  test('sound that cannot be decoded is told as the file’s own fault', async () => {
    const path = await makeFile(folder, 'picture-only.mp4', [...picture('64x64', 1), ...H264]);
    const plan = { ...source, path, videoStreamIndex: null, audioStreamIndex: 3 };
    const outcome = await encodeAudio(plan, sound, join(folder, 'none.mp4'), { log: silentLog });
    expect(outcome).toMatchObject({ ok: false, cause: 'bad-input' });
  });
});
