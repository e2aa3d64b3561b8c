import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChannelSettings, DEFAULT_CHANNEL_SETTINGS } from '../media/channel-settings.js';
import { BROADCAST, CHANNEL, KEY, OWNER, reasonOf, StoreOnDisk, VIDEO } from './catalog.fixture.js';

let on: StoreOnDisk;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false });
});
afterEach(() => on.close());

const channel = { name: CHANNEL, ownerId: OWNER, streamKey: KEY };

test('a user is created once, by id and by name', () => {
  expect(reasonOf(on.propose('user.created', { userId: 'u_1', name: 'ada', role: 'creator' }))).toBe('applied');
  expect(reasonOf(on.propose('user.created', { userId: 'u_1', name: 'bob', role: 'viewer' }))).toBe('exists');
  expect(reasonOf(on.propose('user.created', { userId: 'u_2', name: 'ada', role: 'viewer' }))).toBe('exists');
  expect(on.store.ask('userByName', ['ada'])).toMatchObject({ id: 'u_1', role: 'creator' });
  expect(on.store.ask('user', ['u_1'])).toEqual(on.store.ask('userByName', ['ada']));
  expect(on.store.ask('user', ['u_2'])).toBeNull();
  expect(on.store.ask('users', [{ limit: 10 }])).toHaveLength(1);
});

test('a channel has a name and a key that no other has', () => {
  expect(reasonOf(on.propose('channel.created', channel))).toBe('applied');
  expect(reasonOf(on.propose('channel.created', { ...channel, streamKey: 'another-key-1' }))).toBe('exists');
  expect(reasonOf(on.propose('channel.created', { ...channel, name: 'other' }))).toBe('exists');
  expect(on.store.ask('channelByKey', [KEY])).toMatchObject({ name: CHANNEL, ownerId: OWNER, live: null });
});

test('a rotated key replaces the old one', () => {
  on.propose('channel.created', channel);
  on.propose('channel.created', { ...channel, name: 'other', streamKey: 'taken-key-1' });
  expect(reasonOf(on.propose('channel.key-rotated', { name: CHANNEL, streamKey: 'taken-key-1' }))).toBe('exists');
  expect(reasonOf(on.propose('channel.key-rotated', { name: 'nobody', streamKey: 'fresh-key-1' }))).toBe('absent');
  expect(reasonOf(on.propose('channel.key-rotated', { name: CHANNEL, streamKey: 'fresh-key-1' }))).toBe('applied');
  expect(on.store.ask('channelByKey', [KEY])).toBeNull();
  expect(on.store.ask('channelByKey', ['fresh-key-1'])).toMatchObject({ name: CHANNEL, revision: 1 });
});

test('a channel keeps the settings that are named, and the others stay', () => {
  on.propose('channel.created', channel);
  expect(on.store.ask('channel', [CHANNEL])).toMatchObject({ revision: 0, settings: DEFAULT_CHANNEL_SETTINGS });
  const configure = (settings: Partial<ChannelSettings>, revision?: number) =>
    on.propose('channel.configured', { name: CHANNEL, settings, ...(revision === undefined ? {} : { revision }) });
  expect(configure({ preset: '720p-3', graceSec: 0, onLoss: 'hold', srtPassphrase: 'ten letters' })).toMatchObject({
    applied: true,
    result: { revision: 1 },
  });
  expect(reasonOf(configure({ graceSec: 3600 }, 0))).toBe('conflict');
  expect(reasonOf(configure({ preset: null, graceSec: 60 }, 1))).toBe('applied');
  const settings = { preset: null, graceSec: 60, onLoss: 'hold', srtPassphrase: 'ten letters' };
  for (const found of [on.store.ask('channel', [CHANNEL]), on.store.ask('channelByKey', [KEY])]) {
    expect(found).toMatchObject({ revision: 2, settings });
  }
  expect(reasonOf(on.propose('channel.configured', { name: 'nobody', settings: {} }))).toBe('absent');
  on.propose('channel.deleted', { name: CHANNEL });
  on.propose('channel.created', channel);
  expect(on.store.ask('channel', [CHANNEL])?.settings).toEqual(DEFAULT_CHANNEL_SETTINGS);
});

test.each<[string, object]>([
  ['a grace of more than an hour', { graceSec: 3601 }],
  ['half a second of grace', { graceSec: 0.5 }],
  ['a passphrase that SRT cannot take', { srtPassphrase: 'too short' }],
  ['a passphrase that cannot be typed everywhere', { srtPassphrase: 'pässphräse' }],
  ['another way to bridge a loss', { onLoss: 'music' }],
  ['a preset whose name is a path', { preset: '../x' }],
  ['a setting of tomorrow', { colour: 'red' }],
])('%s is no setting', (_, settings) => {
  on.propose('channel.created', channel);
  expect(() => on.propose('channel.configured', { name: CHANNEL, settings })).toThrow(/metadata\.bad-entry/);
});

test('channels come in pages, by name', () => {
  for (const name of ['c', 'a', 'b'])
    on.propose('channel.created', { ...channel, name, streamKey: `the-key-of-${name}` });
  const names = (page: { limit: number; after?: string }) => on.store.ask('channels', [page]).map(({ name }) => name);
  expect(names({ limit: 2 })).toEqual(['a', 'b']);
  expect(names({ limit: 2, after: 'b' })).toEqual(['c']);
});

test('a broadcast makes its channel live until it ends', () => {
  expect(reasonOf(on.propose('broadcast.started', { broadcastId: BROADCAST, channel: CHANNEL, at: 5 }))).toBe('absent');
  on.propose('channel.created', channel);
  expect(reasonOf(on.propose('broadcast.started', { broadcastId: BROADCAST, channel: CHANNEL, at: 5 }))).toBe(
    'applied',
  );
  expect(reasonOf(on.propose('broadcast.started', { broadcastId: BROADCAST, channel: CHANNEL, at: 6 }))).toBe('exists');
  expect(on.store.ask('channel', [CHANNEL])?.live).toEqual({ broadcastId: BROADCAST, startedAt: 5 });
  expect(on.store.ask('liveBroadcasts', [10])).toEqual([{ broadcastId: BROADCAST, channel: CHANNEL, startedAt: 5 }]);
  expect(on.store.ask('openBroadcasts', [])).toEqual(on.store.ask('liveBroadcasts', [10]));
  expect(reasonOf(on.propose('broadcast.ended', { broadcastId: BROADCAST, at: 9 }))).toBe('applied');
  expect(reasonOf(on.propose('broadcast.ended', { broadcastId: BROADCAST, at: 9 }))).toBe('conflict');
  expect(reasonOf(on.propose('broadcast.ended', { broadcastId: 'b_zzzzzzzzzzzzzzzz', at: 9 }))).toBe('absent');
  expect(on.store.ask('channel', [CHANNEL])?.live).toBeNull();
  expect(on.store.ask('openBroadcasts', [])).toEqual([]);
});

test('a new broadcast ends the one that a killed box left open', () => {
  on.propose('channel.created', channel);
  on.propose('broadcast.started', { broadcastId: BROADCAST, channel: CHANNEL, at: 5 });
  const second = on.propose('broadcast.started', { broadcastId: 'b_bbbbbbbbbbbbbbbb', channel: CHANNEL, at: 7 });
  expect(second).toMatchObject({ applied: true, result: { endedBroadcasts: [BROADCAST] } });
  expect(on.store.ask('channel', [CHANNEL])?.live?.broadcastId).toBe('b_bbbbbbbbbbbbbbbb');
  // The late word about the first does not end the second.
  expect(reasonOf(on.propose('broadcast.ended', { broadcastId: BROADCAST, at: 9 }))).toBe('conflict');
  expect(on.store.ask('openBroadcasts', [])).toHaveLength(1);
});

test("an archived broadcast is a video of the channel's owner, once, and is deleted with what is stored of it", () => {
  const key = `live/${BROADCAST}/archive.json`;
  const archive = {
    ...{ broadcastId: BROADCAST, channel: CHANNEL, videoId: VIDEO, title: 'town-hall, then' },
    ...{ durationSec: 61.5, sizeBytes: 700, key, incomplete: true },
  };
  expect(reasonOf(on.propose('broadcast.archived', archive))).toBe('absent');
  on.propose('channel.created', { name: CHANNEL, ownerId: OWNER, streamKey: 'key-01234567' });
  expect(reasonOf(on.propose('broadcast.archived', archive, { at: 99 }))).toBe('applied');
  expect(reasonOf(on.propose('broadcast.archived', archive))).toBe('exists');
  const facts = { uploaderId: OWNER, title: 'town-hall, then', status: 'ready', durationSec: 61.5, incomplete: true };
  expect(on.store.ask('videos', [{ limit: 9 }])).toMatchObject([
    {
      id: VIDEO,
      broadcastId: BROADCAST,
      createdAt: 99,
      sizeBytes: 700,
      manifestUrl: `/vod/${VIDEO}/index.m3u8`,
      ...facts,
    },
  ]);
  expect(on.store.ask('packaged', [VIDEO])).toMatchObject({ archiveKey: key, renditions: [], complete: true });
  on.propose('channel.deleted', { name: CHANNEL });
  const posterless = () => on.store.ask('archivesWithoutPoster', [9]);
  expect(posterless()).toEqual([{ videoId: VIDEO, broadcastId: BROADCAST }]);
  on.propose('video.poster', { videoId: VIDEO, key: `live/${BROADCAST}/poster.jpg` });
  expect(posterless()).toEqual([]);
  const deleted = on.propose('video.deleted', { videoId: VIDEO });
  expect(deleted).toMatchObject({ result: { prefixes: [`live/${BROADCAST}/`] } });
});

test('whether broadcasts are kept is a setting of the channel', () => {
  on.propose('channel.created', { name: CHANNEL, ownerId: OWNER, streamKey: 'key-01234567' });
  const set = (settings: { dvrSec?: number | null; archive?: boolean | null }) => {
    on.propose('channel.configured', { name: CHANNEL, settings });
    return on.store.ask('channel', [CHANNEL])?.settings;
  };
  expect(set({ dvrSec: 0 })).toMatchObject({ dvrSec: 0, archive: null });
  expect(set({ archive: false })).toMatchObject({ dvrSec: 0, archive: false });
  expect(set({ dvrSec: null, archive: true })).toMatchObject({ dvrSec: null, archive: true });
});

test('a deleted channel is gone, its open broadcast with it', () => {
  on.propose('channel.created', channel);
  on.propose('broadcast.started', { broadcastId: BROADCAST, channel: CHANNEL, at: 5 });
  expect(on.propose('channel.deleted', { name: CHANNEL })).toMatchObject({ result: { endedBroadcasts: [BROADCAST] } });
  expect(reasonOf(on.propose('channel.deleted', { name: CHANNEL }))).toBe('absent');
  expect(on.store.ask('openBroadcasts', [])).toEqual([]);
  expect(reasonOf(on.propose('channel.created', channel))).toBe('applied');
});
