import fc from 'fast-check';
import { expect, it } from 'vitest';
import { livePath, mediaPath, readMediaPath, vodPath, watchPath } from './media-path.js';

const video = 'v_0123456789abcdef';
const broadcast = 'b_0123456789abcdef';

it.each([
  [livePath.hls('town-hall'), { kind: 'live-hls', channel: 'town-hall', shape: 'live' }],
  [livePath.hls('ts', 'ts'), { kind: 'live-hls', channel: 'ts', shape: 'ts' }],
  [
    livePath.hlsRendition('dvr', 'v720'),
    { kind: 'live-hls-rendition', channel: 'dvr', shape: 'live', rendition: 'v720' },
  ],
  [
    livePath.hlsRendition('town-hall', 'dvr', 'start-over'),
    { kind: 'live-hls-rendition', channel: 'town-hall', shape: 'start-over', rendition: 'dvr' },
  ],
  [livePath.dash('a'), { kind: 'live-dash', channel: 'a', shape: 'live' }],
  [livePath.dash('a', 'dvr'), { kind: 'live-dash', channel: 'a', shape: 'dvr' }],
  [livePath.thumbnails('a', 'dvr'), { kind: 'live-thumbnails', channel: 'a', shape: 'dvr' }],
  [vodPath.thumbnails(video), { kind: 'vod-thumbnails', videoId: video }],
  [vodPath.hls(video), { kind: 'vod-hls', videoId: video }],
  [vodPath.hlsRendition(video, 'audio'), { kind: 'vod-hls-rendition', videoId: video, rendition: 'audio' }],
  [vodPath.dash(video), { kind: 'vod-dash', videoId: video }],
  [vodPath.poster(video), { kind: 'poster', videoId: video }],
  [mediaPath(broadcast, 'v360', '17.m4s'), { kind: 'media', owner: broadcast, rendition: 'v360', name: '17.m4s' }],
  [mediaPath(video, 'audio', 'init.mp4'), { kind: 'media', owner: video, rendition: 'audio', name: 'init.mp4' }],
])('%s is read back into what it names', (path, address) => {
  expect(readMediaPath(path)).toEqual(address);
});

it.each([
  '',
  '/',
  '/live/town-hall',
  '/live/town-hall/',
  '/live/Town-Hall/index.m3u8',
  '/live/-a/index.m3u8',
  `/live/${'a'.repeat(64)}/index.m3u8`,
  '/live/a/index.m3u8/more',
  '/live/a/dvr',
  '/live/a/live/index.m3u8',
  '/live/a/dvr/ts/index.m3u8',
  '/live/a/ts/manifest.mpd',
  '/live/a/thumbnails.vtt',
  '/live/a/.m3u8',
  '/live/../index.m3u8',
  '/vod/town-hall/index.m3u8',
  `/vod/${video}/segment.mp4`,
  `/media/${video}/v360`,
  `/media/${video}/v360/../init.mp4`,
  `/media/${video}/v360/.hidden`,
  `/media/${video}/v360/a/b`,
  '/media/town-hall/v360/1.m4s',
  `/media/${broadcast}/v360/%2e%2e`,
  watchPath('town-hall'),
])('%j is none of them', (path) => {
  expect(readMediaPath(path)).toBeNull();
});

it('reads any path without failing, and an address only from a path that it would build', () => {
  const part = fc.oneof(
    fc.constantFrom('live', 'dvr', 'vod', 'media', '..', '.', '', 'a', video, broadcast, 'v360', 'index.m3u8', '1.m4s'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const path = `/${parts.join('/')}`;
      const address = readMediaPath(path);
      if (address?.kind === 'media') expect(mediaPath(address.owner, address.rendition, address.name)).toBe(path);
      if (address?.kind === 'live-hls') expect(livePath.hls(address.channel, address.shape)).toBe(path);
    }),
  );
});
