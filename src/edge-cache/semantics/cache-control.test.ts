import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deltaSeconds, parseCacheControl } from './cache-control.js';

const read = (...lines: string[]) => Object.fromEntries(parseCacheControl(lines));

describe('Cache-Control', () => {
  it.each([
    ['max-age=5, public', { 'max-age': '5', public: null }],
    ['MAX-AGE=5,,Public ,', { 'max-age': '5', public: null }],
    ['max-age="5"', { 'max-age': '5' }],
    ['private="a, no-store", max-age=1', { private: 'a, no-store', 'max-age': '1' }],
    ['x="a\\"b, c", max-age=1', { x: 'a"b, c', 'max-age': '1' }],
    ['max-age=1, max-age=2', { 'max-age': '1' }],
    ['max-age =1, public = 2', { 'max-age': '', public: '' }],
    ['max-age= 1', { 'max-age': '' }],
    ['x="never closed, no-store', { x: '"never closed', 'no-store': null }],
    ['x="a\\", no-store', { x: '"a\\"', 'no-store': null }],
    ['', {}],
  ])('reads %s', (line, expected) => {
    expect(read(line)).toEqual(expected);
  });

  it('reads several field lines as one list', () => {
    expect(read('max-age=1', 'no-store, max-age=2')).toEqual({ 'max-age': '1', 'no-store': null });
  });

  it('takes a long line of spaces in a moment', () => {
    expect(read(`a${' '.repeat(500_000)}b, c="${'\\'.repeat(500_000)}`)).toEqual({ c: `"${'\\'.repeat(500_000)}` });
  });

  it('takes any text, and gives names that are tokens in lower case', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (lines) => {
        for (const name of parseCacheControl(lines).keys()) expect(name).toMatch(/^[!#$%&'*+\-.^_`|~0-9a-z]+$/);
      }),
    );
  });

  it('reads back what is written', () => {
    const name = fc.stringMatching(/^[a-z][a-z-]{0,9}$/);
    const argument = fc.option(fc.stringMatching(/^[\x20-\x7e]{0,12}$/));
    fc.assert(
      fc.property(fc.dictionary(name, argument), (directives) => {
        const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
        const members = Object.entries(directives).map(([key, value]) =>
          value === null ? key : `${key}=${quoted(value)}`,
        );
        expect(read(members.join(' , '))).toEqual({ ...directives });
      }),
    );
  });

  it.each([
    ['5', 5],
    ['0', 0],
    ['99999999999999999999', 2 ** 31],
    ['-1', null],
    ['1.5', null],
    ['5s', null],
    ['', null],
    [null, null],
    [undefined, null],
  ])('reads %s as seconds', (text, seconds) => {
    expect(deltaSeconds(text)).toBe(seconds);
  });
});
