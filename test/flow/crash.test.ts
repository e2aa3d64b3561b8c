import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import HLS, { type types } from 'hls-parser';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, newFolder, runCommand, startBox, until } from '../box.js';
import { makeClip } from '../clips.js';
import { decodedFrames, judgeHls } from '../judges.js';
import { presentSegments } from '../playlists.js';
import { publish, stopPublishers } from '../publisher.js';

/** Killed with SIGKILL in the middle of everything, then started again: nothing acknowledged or announced is lost. */
afterAll(async () => {
  stopPublishers();
  await cleanUp();
});

interface Video {
  readonly status: string;
  readonly hlsUrl: string;
  readonly jobs: readonly { resolution: string; status: string }[];
}

it('an upload resumes at its offset', async () => {
  const folder = newFolder();
  const data = join(folder, 'data');
  const clip = makeClip(folder, 'long.mp4', { seconds: 3 });
  // The whole file arrives in two halves with a SIGKILL between them, by the protocol itself.
  const bytes = readFileSync(clip);
  const half = Math.floor(bytes.length / 2);
  const first = await startBox({ data });
  const token = readFileSync(join(data, 'operator.token'), 'utf8').trim();
  const tus = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0' };
  const created = await fetch(`${first.http}/v1/videos/upload`, {
    method: 'POST',
    headers: {
      ...tus,
      'upload-length': String(bytes.length),
      'upload-metadata': `title ${Buffer.from('Halves').toString('base64')}`,
    },
  });
  expect(created.status).toBe(201);
  const location = created.headers.get('location') ?? '';
  expect(location).toMatch(/^\/v1\/videos\/upload\/v_[a-z0-9]+$/);
  const patch = (http: string, offset: number, body: Buffer) =>
    fetch(http + location, {
      method: 'PATCH',
      headers: { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
      body: new Uint8Array(body),
    });
  expect((await patch(first.http, 0, bytes.subarray(0, half))).status).toBe(204);
  await first.kill('SIGKILL');

  const second = await startBox({ data });
  const head = await fetch(second.http + location, { method: 'HEAD', headers: tus });
  expect(Number(head.headers.get('upload-offset'))).toBe(half);
  expect((await patch(second.http, half, bytes.subarray(half))).status).toBe(204);
  const id = location.split('/').at(-1) ?? '';
  await until(
    async () => (await second.json<Video>('video', 'show', id)).status === 'ready',
    60_000,
    () => second.printed(),
  );
  await second.kill('SIGTERM');
});

it('the command goes on with its own upload after a SIGKILL of box and command', async () => {
  const folder = newFolder();
  const data = join(folder, 'data');
  const clip = makeClip(folder, 'padded.mp4', { seconds: 3 });
  const bytes = 400 * 2 ** 20;
  truncateSync(clip, bytes);
  const first = await startBox({ data });
  const program = fileURLToPath(new URL('../../bin/headwater.js', import.meta.url));
  const environment = { ...process.env, XDG_STATE_HOME: `${data}.state` };
  const upload = spawn(process.execPath, [program, 'video', 'add', clip, '--data', data], {
    env: environment,
    stdio: 'ignore',
  });
  // In the middle: the command knows its upload's address (it sends bytes), and the last byte is far away.
  const staging = join(data, 'staging');
  const staged = () => Math.max(0, ...sizesIn(staging));
  await until(
    () => staged() > 2 ** 20,
    60_000,
    () => first.printed(),
    5,
  );
  upload.kill('SIGKILL');
  await once(upload, 'exit');
  await first.kill('SIGKILL');
  const offset = staged();
  expect(offset).toBeLessThan(bytes);
  const second = await startBox({ data });
  const { stdout, stderr } = await runCommand(data, ['video', 'add', clip, '--json']);
  const { status, id } = JSON.parse(stdout) as { status: string; id: string };
  expect(status).toBe('ready');
  expect(stderr).toContain('going on at');
  expect((await second.json<{ id: string }[]>('video', 'list')).map((video) => video.id)).toEqual([id]);
  await second.kill('SIGTERM');
});

it('a transcode runs again and completes', async () => {
  const folder = newFolder();
  const data = join(folder, 'data');
  const clip = makeClip(folder, 'busy.mp4', { seconds: 10, size: '1280x720' });
  const first = await startBox({ data });
  const program = fileURLToPath(new URL('../../bin/headwater.js', import.meta.url));
  const environment = { ...process.env, XDG_STATE_HOME: `${data}.state` };
  const upload = spawn(process.execPath, [program, 'video', 'add', clip, '--data', data], {
    env: environment,
    stdio: 'ignore',
  });
  let id = '';
  await until(
    async () => {
      id = (await first.json<{ id: string }[]>('video', 'list'))[0]?.id ?? '';
      if (id === '') return false;
      const { jobs } = await first.json<Video>('video', 'show', id);
      return jobs.some(({ resolution, status }) => resolution !== 'audio' && status === 'processing');
    },
    60_000,
    () => first.printed(),
  );
  await first.kill('SIGKILL');
  upload.kill('SIGKILL');

  const second = await startBox({ data });
  const show = () => second.json<Video>('video', 'show', id);
  await until(
    async () => (await show()).jobs.every(({ status }) => status === 'done'),
    120_000,
    () => second.printed(),
  );
  const video = await show();
  expect(video.status).toBe('ready');
  expect(await decodedFrames(video.hlsUrl)).toBe(250);
  await second.kill('SIGTERM');
}, 240_000);

it('a broadcast: what was announced still plays, and the channel takes a new push', async () => {
  const data = join(newFolder(), 'data');
  const first = await startBox({ data });
  const channel = await first.json<{ rtmpUrl: string; hlsUrl: string }>('channel', 'create', 'news');
  publish(channel.rtmpUrl, { seconds: 600 });
  const playlist = async (http: string) => {
    const answer = await fetch(`${http}/live/news/v360.m3u8`);
    return answer.status === 200 ? answer.text() : '';
  };
  const names = (text: string) =>
    text === '' ? [] : presentSegments(HLS.parse(text) as types.MediaPlaylist).map(({ uri }) => uri);
  await until(
    async () => names(await playlist(first.http)).length >= 2,
    60_000,
    () => first.printed(),
  );
  const announced = names(await playlist(first.http));
  await first.kill('SIGKILL');

  const second = await startBox({ data });
  for (const name of announced) expect((await fetch(second.http + name)).status, name).toBe(200);
  const { rtmpUrl, hlsUrl } = await second.json<{ rtmpUrl: string; hlsUrl: string }>('channel', 'show', 'news');
  const again = publish(rtmpUrl, { seconds: 600 });
  await until(
    async () => {
      const text = await playlist(second.http);
      return names(text).some((name) => !announced.includes(name)) && !text.includes('#EXT-X-ENDLIST');
    },
    60_000,
    () => second.printed(),
  );
  await judgeHls(hlsUrl);
  await again.stop();
  expect(await second.kill('SIGTERM')).toBe(0);
});

it('SIGTERM in the middle of a broadcast and an upload drains within ten seconds, and the pictures of the end are kept', async () => {
  const data = join(newFolder(), 'data');
  const first = await startBox({ data });
  const channel = await first.json<{ rtmpUrl: string }>('channel', 'create', 'evening');
  const publisher = publish(channel.rtmpUrl, { seconds: 600 });
  const playlist = async (http: string) => {
    const answer = await fetch(`${http}/live/evening/v360.m3u8`);
    return answer.status === 200 ? answer.text() : '';
  };
  await until(
    async () => (await playlist(first.http)).split('.m4s').length > 2,
    60_000,
    () => first.printed(),
  );
  const token = readFileSync(join(data, 'operator.token'), 'utf8').trim();
  const tus = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0' };
  const headers = { ...tus, 'upload-length': '9000000', 'upload-metadata': `title ${btoa('Slow')}` };
  const created = await fetch(`${first.http}/v1/videos/upload`, { method: 'POST', headers });
  const slow = new ReadableStream({
    async pull(controller) {
      controller.enqueue(new Uint8Array(1000));
      await new Promise((resolve) => setTimeout(resolve, 100));
    },
  });
  const patch = fetch(first.http + (created.headers.get('location') ?? ''), {
    method: 'PATCH',
    headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    body: slow,
    duplex: 'half',
  } as RequestInit).catch(() => null);
  const cut = await playlist(first.http);
  const askedAt = performance.now();
  expect(await first.kill('SIGTERM')).toBe(0);
  expect(performance.now() - askedAt).toBeLessThan(10_000);
  expect((await publisher.done).code).not.toBe(0);
  await patch;

  const second = await startBox({ data });
  await until(async () => (await playlist(second.http)).includes('#EXT-X-ENDLIST'), 60_000);
  const kept = await playlist(second.http);
  for (const [name] of cut.matchAll(/^\/media\/\S+\.m4s$/gm)) expect(kept).toContain(name);
  expect(await second.kill('SIGTERM')).toBe(0);
});

/** A file that is being replaced may be gone between the two looks. */
function sizesIn(folder: string): number[] {
  return readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
}
