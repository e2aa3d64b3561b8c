import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { runTool } from './ffmpeg-process.js';
import { mediaTools } from './media-tools.js';
import { type ProbedFile, probeFile } from './probe-file.js';
import { untrustedProbeInput } from './untrusted-input.js';
import { AAC, cutAt, H264, makeFile, picture, tone, turnUpright } from './vod.fixture.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-probe-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const make = (name: string, args: readonly string[]) => makeFile(folder, name, args);

async function accepted(path: string): Promise<ProbedFile> {
  const probed = await probeFile(path, { log: silentLog, tools: mediaTools() });
  if (!probed.ok) throw new Error(probed.reason);
  return probed;
}

async function refusal(path: string): Promise<string> {
  const probed = await probeFile(path, { log: silentLog, tools: mediaTools() });
  if (probed.ok) throw new Error(`${path} was accepted`);
  expect(probed.foreign).toBe(true);
  return probed.reason;
}

async function written(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('files that become videos', () => {
  test('picture and sound', async () => {
    const path = await make('normal.mp4', [...picture('320x180', 2), ...tone(2), ...H264, ...AAC]);
    const probed = await accepted(path);
    expect(probed.facts.video).toMatchObject({ codec: 'h264', width: 320, height: 180, rotation: 0, frameRate: 25 });
    expect(probed.facts.video).toMatchObject({ sampleAspectRatio: 1, interlaced: false, hdr: false });
    expect(probed.facts.audio).toEqual({ codec: 'aac', sampleRate: 48_000, channels: 2 });
    expect(probed.durationSec).toBeCloseTo(2, 0);
    expect([probed.videoStreamIndex, probed.audioStreamIndex, probed.frames]).toEqual([0, 1, 50]);
  });

  test('sound alone, its cover being no video', async () => {
    const cover = await make('cover.png', [...picture('64x64', 1), '-frames:v', '1']);
    const args = [...tone(2), '-i', cover, '-map', '0', '-map', '1', '-c:v', 'copy', '-disposition:v', 'attached_pic'];
    const probed = await accepted(await make('covered.mp3', args));
    expect(probed.facts).toMatchObject({ video: null, audio: { codec: 'mp3', channels: 2 } });
    expect(probed.videoStreamIndex).toBeNull();
  });

  test('rotation is clockwise, pixel shape and field order are seen', async () => {
    const upright = await make('upright.mp4', [...picture('320x180', 1), ...H264]);
    await turnUpright(upright, 180);
    expect((await accepted(upright)).facts.video).toMatchObject({ width: 320, height: 180, rotation: 90 });
    const wide = await make('wide.mp4', [...picture('180x144', 1), '-vf', 'setsar=16/11', ...H264]);
    expect((await accepted(wide)).facts.video?.sampleAspectRatio).toBeCloseTo(16 / 11);
    const fields = [...picture('320x180', 1), '-vf', 'interlace', ...H264, '-flags', '+ildct+ilme'];
    expect((await accepted(await make('fields.mp4', fields))).facts.video?.interlaced).toBe(true);
  });

  test('high dynamic range is seen', async () => {
    const tags = ['-vf', 'setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc'];
    const path = await make('hdr.mp4', [...picture('320x180', 1), ...tags, ...H264]);
    expect((await accepted(path)).facts.video?.hdr).toBe(true);
  });

  test('a recording without a duration is measured', async () => {
    const args = [...picture('320x180', 2), ...tone(3), ...H264, ...AAC, '-f', 'matroska', '-live', '1'];
    const probed = await accepted(await make('browser.webm', args));
    expect(probed.videoEndSec).toBeCloseTo(2, 0);
    expect(probed.audioEndSec).toBeCloseTo(3, 0);
    expect(probed.durationSec).toBe(probed.audioEndSec);
  });

  test('a duration that is only guessed from the bitrate is measured', async () => {
    // Quiet, then loud: the first half second says nothing about the bitrate of the rest.
    const source = 'aevalsrc=if(lt(t\\,1)\\,0\\,random(0)):d=4:s=44100';
    const args = ['-f', 'lavfi', '-i', source, '-q:a', '2', '-write_xing', '0'];
    expect((await accepted(await make('vbr.mp3', args))).durationSec).toBeCloseTo(4, 0);
  });
});

describe('files that do not', () => {
  test.each([
    ['text named .mp4', 'notes.mp4', 'Dear all,\nplease find the video attached.\n', /is text/],
    ['text in another alphabet', 'utf8.mp4', 'Grüße aus Köln — été à Orléans, привет\n', /is text/],
    ['an empty file', 'empty.mp4', '', /is empty/],
    [
      'noise',
      'noise.mp4',
      Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919 + (i >> 3) * 31) % 256)),
      /cannot|can be read|incomplete/,
    ],
  ])('%s', async (_, name, content, words) => {
    expect(await refusal(await written(name, content))).toMatch(words);
  });

  test('a still picture, whatever its name', async () => {
    const png = await make('still.png', [...picture('64x64', 1), '-frames:v', '1']);
    expect(await refusal(png)).toMatch(/is a picture/);
    const jpeg = await make('still.mp4', [...picture('64x64', 1), '-frames:v', '1', '-f', 'mjpeg']);
    expect(await refusal(jpeg)).toMatch(/picture|not accepted/);
  });

  test('MP4 without its index, and with half of it', async () => {
    const late = await make('late-index.mp4', [...picture('320x180', 2), ...H264]);
    await cutAt(late, 0.4);
    expect(await refusal(late)).toMatch(/moov.*cut short/);
    const early = await make('early-index.mp4', [...picture('320x180', 2), ...H264, '-movflags', '+faststart']);
    await truncate(early, 500);
    expect(await refusal(early)).toMatch(/cut short|damaged|incomplete/);
  });

  test('a recording of which the end is missing', async () => {
    const args = [...picture('320x180', 4), ...H264, '-c:a', 'copy', '-f', 'flv'];
    const path = await make('cut.flv', args);
    await cutAt(path, 0.4);
    expect(await refusal(path)).toMatch(/only \d\.\d s of 4\.0 s could be read: the file is truncated/);
  });

  test('subtitles in MP4, neither seen nor heard', async () => {
    const words = await written('words.srt', '1\n00:00:00,000 --> 00:00:02,000\nhello\n');
    const path = await make('words.mp4', ['-i', words, '-c:s', 'mov_text']);
    expect(await refusal(path)).toBe('the file holds no video and no audio');
  });

  test('a picture beyond 8192 pixels a side', async () => {
    const args = ['-f', 'lavfi', '-i', 'color=s=8208x16:d=0.1', '-c:v', 'ffv1'];
    expect(await refusal(await make('wide.mkv', args))).toMatch(/8208×16; at most 8192/);
  });

  test.each([
    ['HLS', 'list.m3u8', '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'],
    ['HLS named .mp4', 'list.mp4', '\n#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/secret\n#EXT-X-ENDLIST\n'],
    ['concat', 'list.txt', "ffconcat version 1.0\nfile '/etc/passwd'\n"],
    ['DASH', 'list.mpd', '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'],
  ])('a playlist that would make the reader open other files: %s', async (_, name, content) => {
    expect(await refusal(await written(name, content))).toMatch(/playlist/);
  });

  test.each([
    ['list.bin', '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'],
    ['script.bin', 'ffconcat version 1.0\nfile /etc/passwd\n'],
  ])('the format fence alone keeps ffprobe from opening %s', async (name, content) => {
    const input = untrustedProbeInput(await written(name, content));
    const outcome = await runTool('ffprobe', ['-loglevel', 'debug', ...input], { log: silentLog });
    expect(outcome.ok).toBe(false);
    // Newer ones look at the name and the type first, and do not even get as far as the list of formats.
    expect(outcome.stderr).toMatch(/Format not on whitelist|Not detecting m3u8/);
    expect(outcome.stderr).not.toContain("Opening '/etc/passwd'");
  });
});

test('a missing program is not the file’s fault', async () => {
  const path = await make('fine.mp4', [...picture('64x64', 1), ...H264]);
  const probed = await probeFile(path, { log: silentLog, tools: mediaTools('/nonexistent/ffmpeg') });
  expect(probed).toMatchObject({ ok: false, foreign: false });
});
