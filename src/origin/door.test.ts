import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deliverRun, type ServedOrigin, serveOrigin, until } from './origin.fixture.js';

const BROADCAST = 'b_0000000000000001';
const FIRST = `/media/${BROADCAST}/v90/0.m4s`;

describe('the door', () => {
  let served: ServedOrigin;
  let webDir: string;
  const ask = (path: string, init?: RequestInit) => fetch(served.url + path, init);

  beforeAll(async () => {
    webDir = await mkdtemp(join(tmpdir(), 'web-'));
    served = await serveOrigin({ webDir: join(webDir, 'built') });
    await deliverRun(served.origin, { channel: 'town-hall', broadcastId: BROADCAST, seconds: 3 });
    const announced = () => served.origin.live()[0];
    await until(() => announced()?.renditions.length === 3 && announced()?.segments === 2);
  });

  afterAll(async () => {
    await served.close();
    await rm(webDir, { recursive: true, force: true });
  });

  it.each([
    ['/live/town-hall/index.m3u8', 'application/vnd.apple.mpegurl', 'public, max-age=1'],
    ['/live/town-hall/audio.m3u8', 'application/vnd.apple.mpegurl', 'public, max-age=1'],
    ['/live/town-hall/manifest.mpd', 'application/dash+xml', 'public, max-age=1'],
    [FIRST, 'video/iso.segment', 'public, max-age=31536000, immutable'],
    [`/media/${BROADCAST}/v90/init-1.mp4`, 'video/mp4', 'public, max-age=31536000, immutable'],
    [`/media/${BROADCAST}/audio/0.m4s`, 'audio/mp4', 'public, max-age=31536000, immutable'],
    ['/time', 'text/plain; charset=utf-8', 'no-store'],
  ])('serves %s with its type, its lifetime, and to pages of any origin', async (path, type, cache) => {
    const response = await ask(path, { headers: { 'accept-encoding': 'identity' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('cache-control')).toBe(cache);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const head = await ask(path, { method: 'HEAD', headers: { 'accept-encoding': 'identity' } });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String((await response.arrayBuffer()).byteLength));
  });

  it('answers a condition that holds with 304 and no body', async () => {
    for (const path of ['/live/town-hall/v90.m3u8', FIRST]) {
      const etag = (await ask(path)).headers.get('etag') ?? '';
      expect(etag).toMatch(/^".+"$/);
      const response = await ask(path, { headers: { 'if-none-match': `"other", ${etag}` } });
      expect([response.status, await response.text()]).toEqual([304, '']);
      expect(response.headers.get('etag')).toBe(etag);
      expect((await ask(path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    }
  });

  it('serves a part of a segment, from memory and from the spool alike', async () => {
    const whole = Buffer.from(await (await ask(FIRST)).arrayBuffer());
    const part = await ask(FIRST, { headers: { range: 'bytes=4-7' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 4-7/${whole.length}`);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(whole.subarray(4, 8));
    const beyond = await ask(FIRST, { headers: { range: `bytes=${whole.length}-` } });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${whole.length}`);
    const changed = await ask(FIRST, { headers: { range: 'bytes=4-7', 'if-range': '"other"' } });
    expect(changed.status).toBe(200);
  });

  it('answers other methods with 405, and a preflight with what is allowed', async () => {
    const post = await ask('/live/town-hall/index.m3u8', { method: 'POST', body: 'x' });
    expect(post.status).toBe(405);
    expect(post.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    const preflight = await ask(FIRST, { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Range');
  });

  it.each([
    '/live/nobody/index.m3u8',
    '/live/town-hall/v1080.m3u8',
    `/media/${BROADCAST}/v90/77.m4s`,
    `/media/${BROADCAST}/v90/journal.jsonl`,
    '/media/b_9999999999999999/v90/0.m4s',
  ])('says that %s is not there in a way that is soon forgotten', async (path) => {
    const response = await ask(path);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('public, max-age=1');
    expect(await response.json()).toMatchObject({ status: 404, title: 'Not Found' });
  });

  it('lets a request for the very next segment wait for it', async () => {
    const before = served.origin.live()[0]?.lastSegmentAt ?? 0;
    const early = ask(`/media/${BROADCAST}/v90/2.m4s`);
    await deliverRun(served.origin, { channel: 'town-hall', broadcastId: BROADCAST, seconds: 1, startSec: 4 });
    const answer = await early;
    expect(answer.status).toBe(200);
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(0);
    await until(() => (served.origin.live()[0]?.lastSegmentAt ?? 0) > before);
  });

  describe('for the pages', () => {
    it('says how to build them when they are not built', async () => {
      const response = await ask('/');
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ detail: expect.stringContaining('npm run build') });
    });

    it('serves them with a policy, an etag and their lifetimes', async () => {
      await mkdir(join(webDir, 'built', 'assets'), { recursive: true });
      await writeFile(join(webDir, 'secret.txt'), 'secret');
      await writeFile(join(webDir, 'built', 'index.html'), '<title>home</title>');
      await writeFile(join(webDir, 'built', 'watch.html'), '<title>watch</title>');
      await writeFile(join(webDir, 'built', 'assets', 'app-1a2b.js'), 'let a;');
      const home = await ask('/');
      expect(await home.text()).toContain('home');
      expect(home.headers.get('content-security-policy')).toContain("default-src 'self'");
      expect(home.headers.get('cache-control')).toBe('no-cache');
      const again = await ask('/', { headers: { 'if-none-match': home.headers.get('etag') ?? '' } });
      expect(again.status).toBe(304);
      expect(await (await ask('/watch/town-hall')).text()).toContain('watch');
      expect(await (await ask('/watch/v_0123456789abcdef')).text()).toContain('watch');
      const script = await ask('/assets/app-1a2b.js');
      expect(script.headers.get('cache-control')).toContain('immutable');
      expect(script.headers.get('content-type')).toContain('text/javascript');
    });

    it.each([
      '/../secret.txt',
      '/assets/../../secret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/assets/%2e%2e/secret.txt',
      '/assets/..',
      '/watch/../index.html',
      '/watch/UPPER',
      '/secret.txt',
      '//etc/passwd',
      '/assets/app-1a2b.js/',
      `/media/${BROADCAST}/../${BROADCAST}/journal.jsonl`,
    ])('gives nothing for %s', async (path) => {
      // fetch would clean the path up before sending it.
      expect(await statusOfRawPath(served.url, path)).toBe(404);
    });
  });
});

function statusOfRawPath(url: string, path: string): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}
