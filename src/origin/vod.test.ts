import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PackagedRendition, PackagedSegment } from '../media/packaged-rendition.js';
import { cacheControl } from './cache-policy.js';
import { GridLines } from './cmaf/cut-lines.js';
import { runLadder, TIMELINE_OFFSET_SEC } from './cmaf/ffmpeg-live.fixture.js';
import { Segmenter } from './cmaf/segmenter.js';
import type { Objects } from './object-reader.js';
import {
  decodedFrames,
  mediaPlaylistAt,
  multivariantPlaylistAt,
  probedStreams,
  RENDITIONS,
  type ServedOrigin,
  serveOrigin,
  textAt,
} from './origin.fixture.js';
import type { VodEntry } from './vod-library.js';

const VIDEO = 'v_0123456789abcdef';

/** Packaged renditions of six seconds, and a store that holds them. */
async function packageLadder(): Promise<{ stored: Map<string, Buffer>; renditions: PackagedRendition[] }> {
  const stored = new Map<string, Buffer>();
  const ladder = runLadder({ seconds: 6 });
  const renditions = await Promise.all(
    RENDITIONS.map(async (rendition): Promise<PackagedRendition> => {
      const prefix = `job/j_${rendition.id}/1/`;
      const segmenter = new Segmenter({
        ...{ kind: rendition.kind, lines: new GridLines(2), segmentBytesMax: 8 << 20 },
        timelineOffsetSec: TIMELINE_OFFSET_SEC,
      });
      const segments: PackagedSegment[] = [];
      const facts = { codecs: '', timescale: 1 };
      const take = (events: ReturnType<Segmenter['push']>) => {
        for (const event of events) {
          if (event.kind === 'init') {
            Object.assign(facts, { codecs: event.init.codecs, timescale: event.init.timescale });
            stored.set(`${prefix}init.mp4`, event.init.bytes);
          }
          if (event.kind !== 'segment') continue;
          const name = `${segments.length + 1}.m4s`;
          const { start, duration, bytes } = event.segment;
          stored.set(prefix + name, bytes);
          segments.push({ name, start: start - 10 * facts.timescale, duration, bytes: bytes.length });
        }
      };
      const pipe = ladder.pipes[rendition.id as 'v180' | 'v90' | 'audio'];
      for await (const piece of pipe as AsyncIterable<Buffer>) take(segmenter.push(piece));
      take(segmenter.end());
      if (rendition.kind === 'video') stored.set(`${prefix}iframes.m3u8`, Buffer.from('#EXTM3U\n'));
      return { rendition, prefix, ...facts, bandwidth: 500_000, averageBandwidth: 400_000, segments };
    }),
  );
  await ladder.done;
  return { stored, renditions };
}

function storeOf(stored: Map<string, Buffer>): Objects {
  const head: Objects['head'] = async (key) => {
    const bytes = stored.get(key);
    return bytes ? { size: bytes.length, etag: `"${key.length}-${bytes.length}"`, lastModified: new Date(0) } : null;
  };
  return {
    head,
    get: async (key, range) => {
      const facts = await head(key);
      const bytes = stored.get(key);
      if (facts === null || bytes === undefined) return null;
      const part = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1);
      return { ...facts, body: Readable.from([part.subarray(0, 1000), part.subarray(1000)]) };
    },
  };
}

describe('a recorded video', () => {
  let served: ServedOrigin;
  let entry: VodEntry;
  let stored: Map<string, Buffer>;

  beforeAll(async () => {
    const packaged = await packageLadder();
    stored = packaged.stored;
    stored.set(`poster/${VIDEO}.jpg`, Buffer.from('picture'));
    stored.set('job/j_v180/1/large.bin', Buffer.alloc(9 * 1024 * 1024, 7));
    const posterKey = `poster/${VIDEO}.jpg`;
    entry = { videoId: VIDEO, durationSec: 6, renditions: packaged.renditions, posterKey, complete: true };
    const vod = { video: async (id: string) => (id === VIDEO ? entry : null) };
    served = await serveOrigin({ vod, objects: storeOf(stored) });
  });

  afterAll(() => served.close());

  it('has playlists that a strict parser accepts', async () => {
    const { variants } = await multivariantPlaylistAt(`${served.url}/vod/${VIDEO}/index.m3u8`);
    expect(variants.filter((variant) => variant.isIFrameOnly).map((variant) => variant.uri)).toEqual([
      ...[`/media/${VIDEO}/v180/iframes.m3u8`, `/media/${VIDEO}/v90/iframes.m3u8`],
    ]);
    for (const id of ['v180', 'v90', 'audio']) {
      const playlist = await mediaPlaylistAt(`${served.url}/vod/${VIDEO}/${id}.m3u8`);
      expect(playlist).toMatchObject({ playlistType: 'VOD', endlist: true, targetDuration: 2 });
      expect(playlist.segments[0]?.uri).toBe(`/media/${VIDEO}/${id}/1.m4s`);
    }
  });

  it('has a static MPD', async () => {
    const mpd = await textAt(`${served.url}/vod/${VIDEO}/manifest.mpd`);
    expect(mpd).toContain('type="static" mediaPresentationDuration="PT6');
    const streams = await probedStreams(`${served.url}/vod/${VIDEO}/manifest.mpd`);
    expect(streams).toHaveLength(3);
  });

  it('decodes to every picture, by HLS and by DASH', async () => {
    expect(await decodedFrames(`${served.url}/vod/${VIDEO}/index.m3u8`)).toBe(150);
    expect(await decodedFrames(`${served.url}/vod/${VIDEO}/manifest.mpd`)).toBe(150);
  });

  it('streams a large object, whole and in part', async () => {
    const url = `${served.url}/media/${VIDEO}/v180/large.bin`;
    const whole = await fetch(url);
    expect((await whole.arrayBuffer()).byteLength).toBe(9 * 1024 * 1024);
    const part = await fetch(url, { headers: { range: 'bytes=-10' } });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10]);
    expect((await fetch(url, { headers: { 'if-none-match': whole.headers.get('etag') ?? '' } })).status).toBe(304);
  });

  it('has a poster, and lifetimes that say whether it is complete', async () => {
    const poster = await fetch(`${served.url}/vod/${VIDEO}/poster.jpg`);
    expect([poster.headers.get('content-type'), await poster.text()]).toEqual(['image/jpeg', 'picture']);
    const manifest = `${served.url}/vod/${VIDEO}/index.m3u8`;
    expect((await fetch(manifest)).headers.get('cache-control')).toBe(cacheControl('vod-manifest'));
    entry = { ...entry, complete: false, renditions: [] };
    served.origin.forgetVideo(VIDEO);
    const growing = await fetch(manifest);
    expect([growing.status, growing.headers.get('cache-control')]).toEqual([404, 'public, max-age=1']);
    expect((await fetch(`${served.url}/vod/v_ffffffffffffffff/index.m3u8`)).status).toBe(404);
  });
});
