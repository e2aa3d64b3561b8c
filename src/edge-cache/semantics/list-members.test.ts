import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listMembers } from './list-members.js';

describe('the members of a list', () => {
  it.each([
    ['a, b,c', ['a', 'b', 'c']],
    [' a ,\tb ', ['a', 'b']],
    ['', ['']],
    [',a,', ['', 'a', '']],
    ['"a, b", c', ['"a, b"', 'c']],
    ['x="a\\", b", c', ['x="a\\", b"', 'c']],
    ['"a, b', ['"a', 'b']],
    ['"a", "b, c', ['"a"', '"b', 'c']],
    ['"a\\', ['"a\\']],
  ])('of %s', (line, members) => {
    expect(listMembers(line)).toEqual(members);
  });

  it('loses nothing of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ',', '"', '\\', ' ') }), (line) => {
        const plain = (text: string) => text.replace(/\s/g, '');
        expect(plain(listMembers(line).join(','))).toBe(plain(line));
      }),
    );
  });

  it('takes a long line of quotes in a moment', () => {
    const line = '"\\'.repeat(50_000);
    expect(listMembers(line)).toEqual([line]);
  });
});
