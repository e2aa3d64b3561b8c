import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanUp, failedCommand, newFolder, startBox, type TestBox, until } from '../box.js';
import { openBrowser, playback, seek } from '../browser.js';
import { makeClip } from '../clips.js';
import { decodedFrames, judgeHls, probe } from '../judges.js';

/** A creator uploads a file; viewers watch it through the edge. */
interface Added {
  readonly id: string;
  readonly status: string;
  readonly hlsUrl: string;
  readonly dashUrl: string;
  readonly watchUrl: string;
}

let box: TestBox;
let browser: Browser;
let folder: string;

beforeAll(async () => {
  box = await startBox({ args: ['--set', 'upload.bytesMax=8MiB'] });
  browser = await openBrowser();
  folder = newFolder();
});

afterAll(async () => {
  await browser?.close();
  await cleanUp();
});

describe('a good file', () => {
  let video: Added;

  beforeAll(async () => {
    video = await box.json<Added>(
      'video',
      'add',
      makeClip(folder, 'clip.mp4', { seconds: 10, size: '960x540' }),
      '--title',
      'Ten seconds',
    );
  });

  it('comes back with its addresses', () => {
    expect(video.id).toMatch(/^v_[a-z0-9]+$/);
    expect(video).toEqual({
      id: video.id,
      status: 'ready',
      hlsUrl: `${box.http}/vod/${video.id}/index.m3u8`,
      dashUrl: `${box.http}/vod/${video.id}/manifest.mpd`,
      watchUrl: `${box.http}/watch/${video.id}`,
    });
  });

  it('has playlists that a strict parser accepts, in two qualities, whole', async () => {
    const { master, media } = await judgeHls(video.hlsUrl);
    expect(
      master.variants
        .filter((variant) => !variant.isIFrameOnly)
        .map(({ resolution }) => resolution?.height)
        .sort(),
    ).toEqual([360, 540]);
    for (const playlist of media) {
      expect(playlist.endlist).toBe(true);
      const length = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
      expect(length).toBeGreaterThan(9.8);
      expect(length).toBeLessThan(10.2);
    }
  });

  it('is read by ffprobe and decodes to every one of its pictures, as HLS and as DASH', async () => {
    for (const url of [video.hlsUrl, video.dashUrl]) {
      expect((await probe(url)).map(({ codec_name }) => codec_name)).toEqual(expect.arrayContaining(['h264', 'aac']));
      expect(await decodedFrames(url)).toBe(250);
    }
  });

  it('plays and seeks in a browser', async () => {
    const page = await browser.newPage();
    await page.goto(video.watchUrl);
    await until(
      async () => ((await playback(page))?.frames ?? 0) > 10,
      60_000,
      () => box.printed(),
    );
    await seek(page, 7);
    await until(async () => ((await playback(page))?.time ?? 0) > 8, 60_000);
    expect((await playback(page))?.error).toBeNull();
    expect(await page.locator('h1').textContent()).toBe('Ten seconds');
    await page.close();
  });

  it('has a poster, stands on the home page, and counts its view', async () => {
    const { thumbnail_url: poster } = await box.json<{ thumbnail_url: string }>('video', 'show', video.id);
    const picture = await fetch(new URL(poster, box.http));
    expect(picture.headers.get('content-type')).toBe('image/jpeg');
    const page = await browser.newPage();
    await page.goto(`${box.http}/`);
    await page.locator(`#new a[href="/watch/${video.id}"]`).waitFor();
    await page.close();
  });

  it('redirects the API manifest address to the playlist', async () => {
    const answer = await fetch(`${box.http}/v1/videos/${video.id}/manifest.m3u8`, { redirect: 'manual' });
    expect(answer.status).toBe(307);
    expect(new URL(answer.headers.get('location') ?? '', box.http).pathname).toBe(`/vod/${video.id}/index.m3u8`);
  });

  it('is listed, shown and deleted, with all that was stored', async () => {
    expect((await box.json<{ id: string }[]>('video', 'list')).map(({ id }) => id)).toContain(video.id);
    expect(await box.command('video', 'show', video.id)).toContain('Ten seconds');
    await box.command('video', 'delete', video.id);
    expect((await fetch(`${box.http}/v1/videos/${video.id}`)).status).toBe(404);
    await until(async () => (await fetch(`${video.hlsUrl}?after=deletion`)).status === 404, 60_000);
  });
});

describe('bad input is refused in clear words, and the box serves on', () => {
  const refused = async (file: string, words: RegExp) => {
    const { stdout, stderr } = await failedCommand(box.data, ['video', 'add', file, '--json']);
    expect(stdout).toBe('');
    expect(stderr).toMatch(words);
    expect((await fetch(`${box.http}/v1/videos`)).status).toBe(200);
  };

  it('a text file named .mp4', async () => {
    const file = join(folder, 'text.mp4');
    writeFileSync(file, 'this is not a film\n'.repeat(500));
    await refused(file, /not .*(video|media)|no .*(video|media)/i);
  });

  it('a truncated MP4, whose missing part is noticed', async () => {
    const whole = makeClip(folder, 'whole.mp4', { seconds: 10 });
    const file = join(folder, 'truncated.mp4');
    copyFileSync(whole, file);
    truncateSync(file, Math.floor(readFileSync(whole).length * 0.4));
    await refused(file, /truncated|incomplete/i);
  });

  it('an empty file', async () => {
    const file = join(folder, 'empty.mp4');
    writeFileSync(file, '');
    await refused(file, /empty/);
  });

  it('a file over the size limit', async () => {
    const file = join(folder, 'large.mp4');
    writeFileSync(file, Buffer.alloc(9 * 2 ** 20));
    await refused(file, /8 ?MiB|8388608|too large|limit/i);
  });

  it('a file that is not there', async () => {
    await refused(join(folder, 'nothing.mp4'), /no such file/);
  });

  it('a file with no video', async () => {
    await refused(makeClip(folder, 'sound.m4a', { seconds: 3, video: false }), /no video, only sound/);
  });

  it('unless the operator takes sound alone', async () => {
    const radio = await startBox({ args: ['--set', 'upload.audioOnly=true'] });
    const file = makeClip(folder, 'radio.m4a', { seconds: 3, video: false });
    const { hlsUrl, status } = await radio.json<Added>('video', 'add', file);
    expect(status).toBe('ready');
    expect((await probe(hlsUrl)).map(({ codec_name }) => codec_name)).toEqual(['aac']);
  });

  it('a picture without sound plays too', async () => {
    const { hlsUrl } = await box.json<Added>(
      'video',
      'add',
      makeClip(folder, 'silent.mp4', { seconds: 3, audio: false }),
    );
    const { master } = await judgeHls(hlsUrl);
    expect(master.variants[0]?.codecs).toMatch(/^avc1\.[0-9a-f]{6}$/);
    expect(await decodedFrames(hlsUrl)).toBe(75);
  });
});
