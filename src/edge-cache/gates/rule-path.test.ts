import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapedPath, isIn, rulePath } from './rule-path.js';

describe('a path before rules', () => {
  it.each([
    ['/vod/v_1/index.m3u8', '/vod/v_1/index.m3u8'],
    ['/', '/'],
    ['/%76od/x', '/vod/x'],
    ['//vod///x', '/vod/x'],
    ['/vod/100%25', '/vod/100%25'],
    ['/vod/%2576', '/vod/%2576'],
    ['/caf%C3%A9', '/café'],
    ['/a.b/..c', '/a.b/..c'],
  ])('%s is %s', (path, seen) => {
    expect(rulePath(path)).toBe(seen);
  });

  it.each(['/a/../vod/x', '/./vod', '/a/%2e%2e/vod', '/a%2Fvod', '/a%5cb', '/a\\b', '/%zz', '/%', '/%00', '/%ff'])(
    '%s is none',
    (path) => {
      expect(rulePath(path)).toBeNull();
    },
  );

  it('is in one form: seen again, and written and seen again, it is the same', () => {
    const paths = fc
      .array(fc.constantFrom('/', 'vod', '%76', '.', 'é', ' ', '%25', '%2f', ';', '%3f', 'x'))
      .map((all) => `/${all.join('')}`);
    fc.assert(
      fc.property(paths, (path) => {
        const seen = rulePath(path);
        if (seen === null) return;
        expect(rulePath(seen)).toBe(seen);
        expect(rulePath(escapedPath(seen))).toBe(seen);
        expect(escapedPath(seen)).toMatch(/^[!-~]*$/);
      }),
    );
  });

  it('is in a folder, which is in itself', () => {
    expect(isIn('/vod/', '/vod/x')).toBe(true);
    expect(isIn('/vod/', '/vod')).toBe(true);
    expect(isIn('/vod/', '/vo')).toBe(false);
    expect(isIn('/vod/', '/vodka')).toBe(false);
    expect(isIn('/', '/')).toBe(true);
  });
});
