import { afterEach, beforeEach, expect, test } from 'vitest';
import { RESTREAMS_MAX } from '../media/restream-address.js';
import { CHANNEL, KEY, OWNER, reasonOf, StoreOnDisk } from './catalog.fixture.js';

let on: StoreOnDisk;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false });
  on.propose('channel.created', { name: CHANNEL, ownerId: OWNER, streamKey: KEY });
});
afterEach(() => on.close());

const url = 'rtmp://h/live/key';
const add = (name: string, channel = CHANNEL, stamp = {}) =>
  on.propose('channel.restream-added', { channel, name, url }, stamp);
const names = () => on.store.ask('restreams', [CHANNEL]).map(({ name }) => name);

test('targets are added, listed by name, and removed', () => {
  expect(reasonOf(add('b'))).toBe('applied');
  expect(reasonOf(add('a'))).toBe('applied');
  expect(reasonOf(add('a'))).toBe('exists');
  expect(reasonOf(add('a', 'nobody'))).toBe('absent');
  expect(on.store.ask('restreams', [CHANNEL])).toMatchObject([
    { channel: CHANNEL, name: 'a', url },
    { channel: CHANNEL, name: 'b', url },
  ]);
  const remove = () => on.propose('channel.restream-removed', { channel: CHANNEL, name: 'a' });
  expect(reasonOf(remove())).toBe('applied');
  expect(reasonOf(remove())).toBe('absent');
  expect(names()).toEqual(['b']);
});

test('the same entry counts once', () => {
  expect(reasonOf(add('a', CHANNEL, { id: 'once' }))).toBe('applied');
  expect(reasonOf(add('a', CHANNEL, { id: 'once' }))).toBe('applied');
  expect(names()).toEqual(['a']);
});

test('a channel has so many and no more', () => {
  for (let n = 0; n < RESTREAMS_MAX; n += 1) expect(reasonOf(add(`t${n}`))).toBe('applied');
  expect(reasonOf(add('one-more'))).toBe('conflict');
});

test('they go with their channel', () => {
  add('a');
  on.propose('channel.deleted', { name: CHANNEL });
  on.propose('channel.created', { name: CHANNEL, ownerId: OWNER, streamKey: KEY });
  expect(names()).toEqual([]);
});

test.each([
  ['file:///etc/passwd', 'a'],
  [`rtmp://h/live/${'k'.repeat(2100)}`, 'a'],
  [url, 'No Spaces'],
])('%s as %s is no entry', (bad, name) => {
  expect(() => on.propose('channel.restream-added', { channel: CHANNEL, name, url: bad })).toThrow(/bad-entry/);
});
