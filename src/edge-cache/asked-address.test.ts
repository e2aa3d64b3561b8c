import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readAskedAddress } from './asked-address.js';

const folder = '/media/b_0123456789abcdef/v720';

it.each<[string, string, boolean, boolean, boolean?]>([
  ['/live/town/v720.m3u8', '_HLS_msn=7&_HLS_part=1', true, true],
  ['/live/town/dvr/v720.m3u8', '_HLS_msn=7', true, true],
  ['/live/town/v720.m3u8', '', false, true],
  ['/live/town/v720.m3u8', '_HLS_skip=YES', false, true],
  ['/live/town/index.m3u8', '_HLS_msn=7', false, true],
  ['/live/town/manifest.mpd', '', false, true],
  ['/vod/v_0123456789/index.m3u8', '', false, true],
  ['/vod/v_0123456789/poster.jpg', '', false, false],
  [`${folder}/7.m4s`, '', true, false],
  [`${folder}/7.12.m4s`, '', true, false],
  [`${folder}/init-1.mp4`, '', false, false],
  [`${folder}/7.ts`, '', false, false],
  ['/media/v_0123456789/v720/7.m4s', '', false, false],
  ['/watch/town', '', false, false, false],
])('%s?%s may be held: %s, is text: %s', (path, query, held, text, media = true) => {
  expect(readAskedAddress(path, query)).toEqual({ media, held, text });
});

it('takes any text', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (path, query) => void readAskedAddress(path, query)));
});
