import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decodedFrames,
  deliverRun,
  mediaPlaylistAt,
  multivariantPlaylistAt,
  probedStreams,
  type ServedOrigin,
  serveOrigin,
  textAt,
  until,
} from '../origin.fixture.js';
import { StrictTsReader } from './ts-reader.fixture.js';

const run = promisify(execFile);
const BROADCAST = 'b_0000000000000001';

async function bytesAt(url: string): Promise<Buffer> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

describe('a live channel as MPEG-TS', () => {
  let served: ServedOrigin;

  beforeAll(async () => {
    served = await serveOrigin({ mpegTs: true, windowSegments: 12 });
    const facts = { channel: 'town-hall', broadcastId: BROADCAST };
    await deliverRun(served.origin, { ...facts, seconds: 6 });
    await deliverRun(served.origin, { ...facts, seconds: 3, startSec: 8 });
    served.origin.fragments.endBroadcast(BROADCAST);
    const playlist = `${served.url}/live/town-hall/ts/v180.m3u8`;
    await until(async () => (await mediaPlaylistAt(playlist)).endlist);
  });

  afterAll(() => served.close());

  it('has a stream of picture and sound for each picture', async () => {
    const url = `${served.url}/live/town-hall/ts/index.m3u8`;
    const { variants, version } = await multivariantPlaylistAt(url);
    expect(version).toBe(3);
    expect(variants.map(({ uri }) => uri)).toEqual(['/live/town-hall/ts/v90.m3u8', '/live/town-hall/ts/v180.m3u8']);
    for (const { codecs, audio, resolution } of variants) {
      expect(codecs).toMatch(/^avc1\.[0-9a-f]{6},mp4a\.40\.2$/);
      expect(audio).toEqual([]);
      expect(resolution?.width).toBeGreaterThan(0);
    }
    const streams = await probedStreams(url);
    expect(new Set(streams.map(({ codec_name }) => codec_name))).toEqual(new Set(['h264', 'aac']));
  });

  it('lists whole segments without headers or parts, and no more than the bandwidth that it promises', async () => {
    const { variants } = await multivariantPlaylistAt(`${served.url}/live/town-hall/ts/index.m3u8`);
    for (const { uri, bandwidth } of variants) {
      const playlist = await mediaPlaylistAt(`${served.url}${uri}`);
      expect([playlist.version, playlist.targetDuration, playlist.endlist]).toEqual([3, 2, true]);
      expect(await textAt(`${served.url}${uri}`)).not.toMatch(/EXT-X-(MAP|PART|GAP)/);
      expect(playlist.segments.map(({ discontinuity }) => discontinuity === true)).toEqual(
        [0, 0, 0, 1, 0].map(Boolean),
      );
      for (const { uri: segment, duration, programDateTime } of playlist.segments) {
        const bytes = await bytesAt(`${served.url}${segment}`);
        expect((bytes.length * 8) / duration).toBeLessThanOrEqual(bandwidth);
        expect(programDateTime).toBeInstanceOf(Date);
      }
    }
  });

  it('is decoded whole, picture by picture, and ffmpeg has nothing to say about it', async () => {
    const cmaf = await decodedFrames(`${served.url}/live/town-hall/v180.m3u8`);
    const playlist = `${served.url}/live/town-hall/ts/v180.m3u8`;
    expect(await decodedFrames(playlist)).toBe(cmaf);
    expect(cmaf).toBe(225);
    const { segments } = await mediaPlaylistAt(playlist);
    const pieces = await Promise.all(segments.map(({ uri }) => bytesAt(`${served.url}${uri}`)));
    const { pes } = new StrictTsReader().read(Buffer.concat(pieces));
    expect(pes.filter(({ pid }) => pid === 0x100)).toHaveLength(225);
    const copy = ['-v', 'warning', '-i', playlist, '-map', '0', '-c', 'copy', '-f', 'null', '-'];
    expect((await run('ffmpeg', copy, { timeout: 60_000 })).stderr).toBe('');
  });

  it('serves the sound alone, too, and each segment with its type and for ever', async () => {
    const { segments } = await mediaPlaylistAt(`${served.url}/live/town-hall/ts/audio.m3u8`);
    const response = await fetch(`${served.url}${segments[0]?.uri}`);
    expect(response.headers.get('content-type')).toBe('video/mp2t');
    expect(response.headers.get('cache-control')).toContain('immutable');
    const { streams } = new StrictTsReader().read(Buffer.from(await response.arrayBuffer()));
    expect([...streams]).toEqual([[0x101, 0x0f]]);
  });

  it('makes the same bytes for all who ask, and again from the spool alone', async () => {
    const address = `/media/${BROADCAST}/v180/1.ts`;
    const all = await Promise.all(Array.from({ length: 20 }, () => bytesAt(`${served.url}${address}`)));
    for (const bytes of all) expect(bytes.equals(all[0] ?? Buffer.alloc(0))).toBe(true);
    const { spoolDir } = served;
    await served.origin.close();
    const restarted = await serveOrigin({ mpegTs: true, spoolDir, windowSegments: 12 });
    expect((await bytesAt(`${restarted.url}${address}`)).equals(all[0] ?? Buffer.alloc(0))).toBe(true);
    await restarted.close();
  });

  it.each([
    '/live/nobody/ts/index.m3u8',
    '/live/town-hall/ts/v720.m3u8',
    '/live/town-hall/ts/manifest.mpd',
    `/media/${BROADCAST}/v180/99.ts`,
    `/media/${BROADCAST}/v180/01.ts`,
    `/media/${BROADCAST}/v180/x.ts`,
    '/media/b_9999999999999999/v180/0.ts',
  ])('says of %s that it is not there', async (path) => {
    const response = await fetch(`${served.url}${path}`);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });
});

it('is off unless it is asked for, and says so', async () => {
  const served = await serveOrigin();
  for (const path of [
    '/live/town-hall/ts/index.m3u8',
    '/live/town-hall/ts/v180.m3u8',
    `/media/${BROADCAST}/v180/0.ts`,
  ]) {
    const response = await fetch(`${served.url}${path}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining('live.mpegTs') });
  }
  await served.close();
});
