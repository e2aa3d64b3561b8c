import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUnder, meaningfulQuery, readTarget } from './cache-key.js';

describe('targets', () => {
  it.each([
    ['/', '/'],
    ['/live/a/index.m3u8', '/live/a/index.m3u8'],
    ['/%41%7e', '/A~'],
    ['/a%20b%c3', '/a%20b%C3'],
    ['/a..b/.../c.', '/a..b/.../c.'],
    ['//a//', '//a//'],
  ])('reads %s', (path, expected) => {
    expect(readTarget(path, 'q=1')).toEqual({ kind: 'path', path: expected, query: 'q=1' });
  });

  it.each([
    'a',
    '',
    '/..',
    '/./a',
    '/a/..',
    '/%2e%2E/',
    '/a%2fb',
    '/a%5Cb',
    '/a\\b',
    '/%00',
    '/%0a',
    '/%7f',
    '/%',
    '/%4',
    '/%g0',
    '/a b',
    '/\u00e9',
    '/a#b',
    '/a"b',
    `/${'a'.repeat(2048)}`,
  ])('refuses %j', (path) => {
    expect(readTarget(path, '')).toMatchObject({ kind: 'refused' });
  });

  it('refuses a query that is too long or not plain', () => {
    expect(readTarget('/', 'a'.repeat(8193))).toMatchObject({ kind: 'refused' });
    expect(readTarget('/', 'a b')).toMatchObject({ kind: 'refused' });
  });

  it('normalizes to something that is its own normal form, and that no path steps out of', () => {
    const piece = fc.constantFrom('/', '.', '..', 'a', '%2e', '%2F', '%41', '%c3', '%', '\\', '%00', ' ');
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const target = readTarget(`/${pieces.join('')}`, '');
        if (target.kind === 'refused') return;
        expect(readTarget(target.path, '')).toEqual(target);
        expect(new URL(target.path.replace(/^\/+/, '/'), 'http://a').pathname).toBe(target.path.replace(/^\/+/, '/'));
      }),
    );
  });

  it('knows what lies under a root', () => {
    expect(['/v1', '/v1/', '/v1/videos'].map((path) => isUnder(path, '/v1'))).toEqual([true, true, true]);
    expect(['/v1x', '/', '/V1', '/a/v1'].map((path) => isUnder(path, '/v1'))).toEqual([false, false, false, false]);
  });

  it.each([
    ['/live/a/index.m3u8', 'session=1&_HLS_part=0&_HLS_msn=7&x', '_HLS_msn=7&_HLS_part=0'],
    ['/vod/v_1/index.m3u8', 'x=_HLS_', ''],
    ['/live/a/v720.m3u8', '_HLS_skip=YES&_HLS_msn=7&_HLS_part=2', '_HLS_msn=7&_HLS_part=2&_HLS_skip=YES'],
    ['/live/a/v720.m3u8', '_HLS_msn=007&_HLS_part=00', '_HLS_msn=7&_HLS_part=0'],
    ['/live/a/v720.m3u8', '_HLS_msn=7&_HLS_msn=9&_HLS_push=0', '_HLS_msn=7'],
    ['/live/a/v720.m3u8', '_HLS_msn=x&_HLS_part=-01', '_HLS_msn=x&_HLS_part=-01'],
    ['/live/a/v720.m3u8', '_HLS_msn&_HLS_msnx=1&_hls_part=1', ''],
    ['/media/b_1/v720/1.m4s', '_HLS_skip=YES', ''],
    ['/watch/a', 'b=1&a=2', 'b=1&a=2'],
  ])('keeps of %s?%s what means something', (path, query, expected) => {
    expect(meaningfulQuery(path, query)).toBe(expected);
  });
});
