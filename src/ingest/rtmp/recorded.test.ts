import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { decode, probe } from '../ffmpeg.fixture.js';
import { PublishingBench, until } from '../publishing.fixture.js';
import { RtmpClient } from './rtmp-client.fixture.js';
import { openRtmpServer, type RtmpServer } from './server.js';

/** Recorded sessions (recorded/README.md) are sent again, and the real ffmpeg decodes the feed that comes of them. */
let bench: PublishingBench;
let server: RtmpServer;

beforeAll(async () => {
  bench = await PublishingBench.open();
  const { publishing, metrics } = bench;
  server = await openRtmpServer({ host: '127.0.0.1', port: 0, publishing, log: silentLog, metrics });
});

afterAll(async () => {
  await bench.publishing.close();
  await server.close(1000);
  await bench.close();
});

async function replay(name: string): Promise<string> {
  const bytes = await readFile(new URL(`recorded/${name}.rtmp`, import.meta.url));
  const feeds = bench.sink.feeds.length;
  const client = await RtmpClient.open(server.address.port);
  for (let at = 0; at < bytes.length; at += 1111) client.socket.write(bytes.subarray(at, at + 1111));
  client.socket.end();
  await client.isClosed();
  await until(() => bench.publishing.live().length === 0, 'the end of the session');
  expect(bench.sink.feeds.length).toBe(feeds + 1);
  return bench.feedFile(feeds);
}

describe('a recorded session of', () => {
  it.each([
    ['hevc-aac', 'hevc', 'aac', 90],
    ['av1-aac', 'av1', 'aac', 90],
    ['vp9-aac', 'vp9', 'aac', 90],
    ['h264-mp3', 'h264', 'mp3', 70],
    ['h264-aac', 'h264', 'aac', 90],
  ])('%s becomes a feed that decodes', async (name, video, audio, sounds) => {
    const file = await replay(name);
    const { streams, packets } = await probe(file);
    expect(streams.map((stream) => stream.codec_name)).toEqual([video, audio]);
    expect(streams[0]).toMatchObject({ width: 160, height: 90 });
    expect(packets.filter((packet) => packet.codec_type === 'audio').length).toBeGreaterThan(sounds);
    const pictures = packets.filter((packet) => packet.codec_type === 'video').map((packet) => packet.pts);
    expect(pictures.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, index) => (pictures[0] ?? 0) + index * 40),
    );
    expect(await decode(file)).toEqual({ frames: 50, errors: '' });
  });
});
