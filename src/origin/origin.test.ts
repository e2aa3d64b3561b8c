import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TIMELINE_OFFSET_SEC } from './cmaf/ffmpeg-live.fixture.js';
import {
  decodedFrames,
  deliverRun,
  mediaPlaylistAt,
  multivariantPlaylistAt,
  probedStreams,
  RENDITIONS,
  type ServedOrigin,
  serveOrigin,
  textAt,
  until,
} from './origin.fixture.js';

const BROADCAST = 'b_0000000000000001';

describe('a broadcast of two runs, ended', () => {
  let served: ServedOrigin;

  beforeAll(async () => {
    served = await serveOrigin();
    await deliverRun(served.origin, { channel: 'town-hall', broadcastId: BROADCAST, seconds: 5 });
    // ffmpeg was gone from 5 s to 7 s of the timeline.
    await deliverRun(served.origin, { channel: 'town-hall', broadcastId: BROADCAST, seconds: 5, startSec: 7 });
    served.origin.fragments.endBroadcast(BROADCAST);
    await until(async () => (await textAt(`${served.url}/live/town-hall/v180.m3u8`)).includes('#EXT-X-ENDLIST'));
    await untilStatic(`${served.url}/live/town-hall/manifest.mpd`);
  });

  afterAll(() => served.close());

  it('is listed with contiguous, aligned numbers, one discontinuity and a header for each run', async () => {
    const playlists = await Promise.all(
      ['v180', 'v90', 'audio'].map((id) => mediaPlaylistAt(`${served.url}/live/town-hall/${id}.m3u8`)),
    );
    for (const playlist of playlists) {
      expect(playlist.targetDuration).toBe(2);
      expect(playlist.segments.map((segment) => segment.mediaSequenceNumber)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(playlist.segments.map((segment) => segment.discontinuity ?? false)).toEqual([
        ...[false, false, false, true, false, false],
      ]);
      expect(new Set(playlist.segments.map((segment) => segment.map?.uri.split('/').at(-1)))).toEqual(
        new Set(['init-1.mp4', 'init-2.mp4']),
      );
    }
    const [high, low, sound] = playlists;
    const names = (playlist: typeof high) => playlist?.segments.map((segment) => segment.uri.split('/').at(-1));
    expect(names(low)).toEqual(names(high));
    expect(names(sound)).toEqual(names(high));
    expect(high?.segments.map((segment) => segment.programDateTime?.getTime())).toEqual(
      [0, 2, 4, 7, 8, 10].map((sec) => 1_700_000_000_000 + sec * 1000),
    );
  });

  it('has a multivariant playlist that names every rendition', async () => {
    const { variants } = await multivariantPlaylistAt(`${served.url}/live/town-hall/index.m3u8`);
    expect(variants.map((variant) => variant.resolution?.width)).toEqual([160, 320]);
    for (const variant of variants) {
      expect(variant.codecs).toMatch(/^avc1\.[0-9a-f]{6},mp4a\.40\.2$/);
      expect(variant.frameRate).toBe(25);
      expect(variant.bandwidth).toBeGreaterThanOrEqual(variant.averageBandwidth ?? 0);
      expect(variant.audio[0]).toMatchObject({ uri: '/live/town-hall/audio.m3u8', channels: '2' });
    }
  });

  it('decodes to every picture of both runs', async () => {
    expect(await decodedFrames(`${served.url}/live/town-hall/index.m3u8`)).toBe(250);
    // ffmpeg plays only the longest period of an MPD.
    expect(await decodedFrames(`${served.url}/live/town-hall/manifest.mpd`)).toBe(125);
  });

  it('is a static MPD with a period for each run', async () => {
    const mpd = await textAt(`${served.url}/live/town-hall/manifest.mpd`);
    expect(mpd).toContain('type="static"');
    // Its times are the media's, which begin at ten seconds.
    expect(mpd).toContain('mediaPresentationDuration="PT22');
    const starts = [...mpd.matchAll(/<Period id="[^"]+" start="([^"]+)"/g)].map((match) => match[1]);
    expect(starts).toEqual(['PT10S', 'PT17S']);
    expect(mpd).toContain('presentationTimeOffset="900000" startNumber="0"');
    expect(mpd).toContain('presentationTimeOffset="1530000" startNumber="3"');
    const streams = await probedStreams(`${served.url}/live/town-hall/manifest.mpd`);
    expect(streams.map((stream) => stream.codec_name).sort()).toEqual(['aac', 'h264', 'h264']);
  });

  it('is taken up by the next broadcast of the channel with higher numbers', async () => {
    await deliverRun(served.origin, { channel: 'town-hall', broadcastId: 'b_0000000000000002', seconds: 3 });
    const playlist = await until(async () => {
      const found = await mediaPlaylistAt(`${served.url}/live/town-hall/v90.m3u8`);
      return found.segments.some((segment) => segment.uri.includes('b_0000000000000002')) && found;
    });
    expect(playlist.endlist).toBe(false);
    expect(playlist.mediaSequenceBase).toBe(6);
    expect(playlist.discontinuitySequenceBase).toBe(2);
    // What the first broadcast announced is still served.
    expect((await fetch(`${served.url}/media/${BROADCAST}/v180/0.m4s`)).status).toBe(200);
  });
});

describe('a broadcast while it is live', () => {
  let served: ServedOrigin;
  let running: Promise<void>;
  let frames: Promise<number>;

  beforeAll(async () => {
    served = await serveOrigin();
    const facts = { channel: 'now', broadcastId: BROADCAST, seconds: 9, realTime: true, startedAt: Date.now() };
    expect((await fetch(`${served.url}/live/now/index.m3u8`)).status).toBe(404);
    running = deliverRun(served.origin, facts);
    await until(async () => (await fetch(`${served.url}/live/now/index.m3u8`)).status === 200);
    frames = decodedFrames(`${served.url}/live/now/index.m3u8`);
  });

  afterAll(async () => {
    await running;
    await served.close();
  });

  it('has playlists that do not end, a dynamic MPD and a clock', async () => {
    const playlist = await mediaPlaylistAt(`${served.url}/live/now/v180.m3u8`);
    expect(playlist.endlist).toBe(false);
    expect(served.origin.isPlayable('now')).toBe(true);
    expect(served.origin.live()).toMatchObject([
      { channel: 'now', renditions: expect.arrayContaining(['v180', 'audio']) },
    ]);
    const mpd = await textAt(`${served.url}/live/now/manifest.mpd`);
    expect(mpd).toContain('type="dynamic"');
    expect(mpd).toContain('value="/time"');
    expect(Date.parse(await textAt(`${served.url}/time`))).toBeGreaterThan(Date.now() - 60_000);
  });

  it('is read by ffprobe as HLS and as DASH', async () => {
    for (const manifest of ['index.m3u8', 'manifest.mpd']) {
      const streams = await probedStreams(`${served.url}/live/now/${manifest}`);
      expect(streams.map((stream) => stream.codec_name)).toEqual(expect.arrayContaining(['aac', 'h264']));
    }
  });

  it('is followed to its end by a player that came early', async () => {
    await running;
    served.origin.fragments.endBroadcast(BROADCAST);
    expect(await frames).toBe(225);
    await untilStatic(`${served.url}/live/now/manifest.mpd`);
    expect(await decodedFrames(`${served.url}/live/now/manifest.mpd`)).toBe(225);
  });
});

/** It stays dynamic for a moment behind its end. */
function untilStatic(url: string): Promise<boolean> {
  return until(async () => (await textAt(url)).includes('type="static"'));
}

describe('a run whose bytes are no CMAF', () => {
  it('fails that rendition, and the channel takes the next run', async () => {
    const served = await serveOrigin();
    const { fragments } = served.origin;
    const timing = {
      startedAt: 0,
      timelineOffsetSec: TIMELINE_OFFSET_SEC,
      cut: 'grid' as const,
      segmentSec: 2,
      keyIntervalSec: 0,
      partSec: 0.2,
      renditions: RENDITIONS,
    };
    const sink = fragments.openRun({ channel: 'c', broadcastId: BROADCAST, ...timing });
    const rendition = sink.rendition('v180');
    const failed = once(rendition, 'error');
    rendition.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect((await failed)[0]).toMatchObject({ code: 'origin.bad-box' });
    expect(() => sink.rendition('v1080')).toThrow(/not one of the run's/);
    sink.end();
    await deliverRun(served.origin, { channel: 'c', broadcastId: BROADCAST, seconds: 1 });
    const playlist = await until(async () => (await fetch(`${served.url}/live/c/index.m3u8`)).status === 200).then(() =>
      mediaPlaylistAt(`${served.url}/live/c/v180.m3u8`),
    );
    expect(playlist.segments.map((segment) => segment.map?.uri)).toEqual([`/media/${BROADCAST}/v180/init-2.mp4`]);
    await served.origin.deleteChannel('c');
    expect((await fetch(`${served.url}/live/c/index.m3u8`)).status).toBe(404);
    expect((await fetch(`${served.url}/media/${BROADCAST}/v180/0.m4s`)).status).toBe(404);
    await served.close();
  });
});
