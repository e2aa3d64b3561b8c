import { describe, expect, it } from 'vitest';
import { anyAddresses, boxAddresses } from '../address-rules.js';
import { isMeant, type Purge, readPurge } from './purge.js';

describe('a purge, as it is asked for', () => {
  it.each([
    [{ url: '/a/b?c=1' }, { kind: 'url', value: '/a/b?c=1', soft: false }],
    [
      { url: 'https://tv.example/a', soft: true },
      { kind: 'url', value: '/a', soft: true },
    ],
    [{ url: 'https://tv.example' }, { kind: 'url', value: '/', soft: false }],
    [{ url: '/vod/v_1/index.m3u8?token=x' }, { kind: 'url', value: '/vod/v_1/index.m3u8', soft: false }],
    [{ url: '/%7Ea' }, { kind: 'url', value: '/~a', soft: false }],
    [{ prefix: '/vod/' }, { kind: 'prefix', value: '/vod/', soft: false }],
    [{ prefix: 'http://tv.example/vod/' }, { kind: 'prefix', value: '/vod/', soft: false }],
    [{ tag: 'film-7' }, { kind: 'tag', value: 'film-7', soft: false }],
  ])('%o is read', (given, purge) => {
    expect(readPurge(given, boxAddresses)).toEqual(purge);
  });

  it.each([
    [null, 'Name exactly one of url, prefix and tag.'],
    [{ url: '/a', tag: 'b' }, 'Name exactly one of url, prefix and tag.'],
    [{ url: 7 }, 'url must be a string of 1 to 8192 characters.'],
    [{ url: 'a' }, 'The url must be an absolute http address, or begin with a slash.'],
    [{ url: '/a/../b' }, 'The path contains dot segments.'],
    [{ prefix: 'a' }, 'The prefix must begin with a slash, or be an absolute http address.'],
    [{ tag: 'a,b' }, 'A tag has visible ASCII characters without commas, at most 1024.'],
    [{ url: '/a', soft: 1 }, 'soft must be true or false.'],
  ])('%o is refused', (given, problem) => {
    expect(readPurge(given, boxAddresses)).toBe(problem);
  });

  it('leaves the query of an unknown server as it is', () => {
    expect(readPurge({ url: '/live/a?token=x' }, anyAddresses)).toMatchObject({ value: '/live/a?token=x' });
  });
});

it.each<[Purge['kind'], string, string, boolean]>([
  ['url', '/a', '/a', true],
  ['url', '/a', '/a?b', false],
  ['url', '/a', '/ab', false],
  ['prefix', '/a', '/ab', true],
  ['prefix', '/', '/a', true],
  ['prefix', '/b', '/a', false],
  ['tag', 'one', '/a', true],
  ['tag', 'two', '/a', true],
  ['tag', 'tw', '/a', false],
])('%s %s means %s: %s', (kind, value, address, meant) => {
  expect(isMeant({ kind, value, soft: false }, address, [['cache-tag', 'one, two']])).toBe(meant);
});
