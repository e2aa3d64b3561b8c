import { expect, it } from 'vitest';
import { KeyTable } from './key-table.js';
import { hashOfKey } from './stream-id.js';

const [one, two] = [hashOfKey('key one'), hashOfKey('key two')];

it('tells what the listener has to be told', () => {
  const table = new KeyTable();
  expect(table.apply({ channel: 'hall', passphrase: 'of nobody yet' })).toEqual({ put: [], drop: [] });
  expect(table.apply({ channel: 'hall', streamKey: 'key one' })).toEqual({
    put: [{ keyHash: one, passphrase: null }],
    drop: [],
  });
  const secret = { keyHash: one, passphrase: 'ten letters' };
  expect(table.apply({ channel: 'hall', passphrase: 'ten letters' })).toEqual({ put: [secret], drop: [] });
  expect([table.mustEncrypt(one), table.mustEncrypt(two)]).toEqual([true, false]);
  expect(table.apply({ channel: 'hall', streamKey: 'key two' })).toEqual({
    put: [{ keyHash: two, passphrase: 'ten letters' }],
    drop: [one],
  });
  expect([table.mustEncrypt(one), table.mustEncrypt(two)]).toEqual([false, true]);
  expect(table.apply({ channel: 'hall', passphrase: null })?.put).toEqual([{ keyHash: two, passphrase: null }]);
  expect(table.apply({ channel: 'hall', gone: true })).toEqual({ put: [], drop: [two] });
  expect(table.apply({ channel: 'hall', gone: true })).toEqual({ put: [], drop: [] });
  expect([...table.pieces(2)]).toEqual([]);
});

it('takes so many and no more, and hands them out in pieces', () => {
  const table = new KeyTable(3);
  const put = (name: string) => table.apply({ channel: name, streamKey: `key ${name}` });
  expect(['a', 'b', 'c', 'd'].map((name) => put(name)?.put.length)).toEqual([1, 1, 1, undefined]);
  expect([...table.pieces(2)].map((piece) => piece.length)).toEqual([2, 1]);
  expect(table.apply({ channel: 'a', streamKey: 'another key' })?.drop).toHaveLength(1);
  table.apply({ channel: 'b', gone: true });
  expect(put('d')).not.toBe(null);
});
