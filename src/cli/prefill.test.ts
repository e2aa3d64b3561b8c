import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type PrefillOptions, prefill } from './prefill.js';

let server: Server;
let base: string;
let asked: string[];
let underWay: number;
let most: number;
const bodies: Record<string, string> = {
  '/vod/a/index.m3u8':
    '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="audio.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/vod/a/v.m3u8\n',
  '/vod/a/audio.m3u8':
    '#EXTM3U\n#EXT-X-MAP:URI="/media/a/init.mp4"\n#EXTINF:4,\n/media/a/1.m4s\nhttp://elsewhere.example/2.m4s\n',
  '/vod/a/v.m3u8': '#EXTM3U\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:4,\r\n/media/v/1.m4s\r\n',
};

beforeEach(async () => {
  asked = [];
  underWay = 0;
  most = 0;
  server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    underWay += 1;
    most = Math.max(most, underWay);
    const known = asked.filter((each) => each === path).length;
    setTimeout(() => {
      underWay -= 1;
      if (path === '/none') return response.writeHead(404).end();
      if (path === '/busy' && known < 3) return response.writeHead(429, { 'retry-after': '0' }).end();
      const status = path === '/kept' ? 'Origin; fwd=miss, Headwater; hit; ttl=9' : 'Headwater; fwd=uri-miss; stored';
      return response.writeHead(200, { 'cache-status': status }).end(bodies[path] ?? 'body');
    }, 10);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const fill = (list: string[], options: Partial<PrefillOptions> = {}) =>
  prefill(list, { base, bytesPerSec: 1e9, parallel: 2, onProgress: () => undefined, ...options });

it('asks for each address once, whatever its host, so many at a time', async () => {
  const list = ['/kept', '/b?c=1', 'https://tv.example/d', '/d', ...Array.from({ length: 20 }, (_, at) => `/${at}`)];
  const end = await fill(list, { parallel: 3 });
  expect(end).toEqual({ addresses: 23, done: 23, hits: 1, bytes: 92, failures: 0, failed: [] });
  expect([new Set(asked).size, asked.length, most]).toEqual([23, 23, 3]);
});

it('follows playlists, at the same edge', async () => {
  const end = await fill(['/vod/a/index.m3u8']);
  expect(end).toMatchObject({ done: 6, failures: 0 });
  expect(asked.sort()).toEqual([
    ...['/media/a/1.m4s', '/media/a/init.mp4', '/media/v/1.m4s'],
    ...['/vod/a/audio.m3u8', '/vod/a/index.m3u8', '/vod/a/v.m3u8'],
  ]);
});

it('comes again where it is asked to wait, and says what it could not have', async () => {
  const end = await fill(['/busy', '/none', 'http://[']);
  expect(end).toMatchObject({ done: 3, failures: 2 });
  expect([...end.failed].sort()).toEqual(['/none: 404 Not Found', 'http://[: it is no address']);
  expect(asked.filter((path) => path === '/busy')).toHaveLength(3);
});

it('keeps to its rate', async () => {
  const begunAt = performance.now();
  // Ten bodies of 4 bytes, of which the last is not waited for.
  await fill(
    Array.from({ length: 10 }, (_, at) => `/${at}`),
    { bytesPerSec: 80, parallel: 1 },
  );
  expect(performance.now() - begunAt).toBeGreaterThan(450);
});
