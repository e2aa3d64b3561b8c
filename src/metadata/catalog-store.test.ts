import { afterEach, beforeEach, expect, test } from 'vitest';
import { CHANNEL, KEY, OWNER, reasonOf, StoreOnDisk } from './catalog.fixture.js';
import { CatalogStore } from './catalog-store.js';
import { newEntry } from './new-entry.js';
import { SCHEMA_VERSION } from './schema.js';

let on: StoreOnDisk;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false });
});
afterEach(() => on.close());

const channel = newEntry('channel.created', { name: CHANNEL, ownerId: OWNER, streamKey: KEY }, { id: 'later' });
const addToLog = (entry: unknown, id: string) =>
  on.database.prepare('INSERT INTO log (id, entry) VALUES (?, ?)').run(id, JSON.stringify(entry));

test('a new file’s first entries are its schema', () => {
  const log = on.store.ask('readLog', [0, 10]);
  const versions = Array.from({ length: SCHEMA_VERSION }, (_, index) => index + 1);
  expect(log.map(({ entry }) => [entry.type, entry.data])).toEqual(
    versions.map((version) => ['schema.migrated', { version }]),
  );
  expect(on.store.ask('stats', [])).toMatchObject({ schemaVersion: SCHEMA_VERSION, position: SCHEMA_VERSION });
  expect(new CatalogStore(on.database).position).toBe(SCHEMA_VERSION);
});

test('a schema comes once, and in order', () => {
  expect(reasonOf(on.propose('schema.migrated', { version: SCHEMA_VERSION }))).toBe('conflict');
  expect(reasonOf(on.propose('schema.migrated', { version: SCHEMA_VERSION + 2 }))).toBe('conflict');
  expect(() => on.propose('schema.migrated', { version: SCHEMA_VERSION + 1 })).toThrow('metadata.newer-schema');
  expect(on.store.ask('stats', []).schemaVersion).toBe(SCHEMA_VERSION);
});

test('what the log holds beyond the replica is applied at the start', () => {
  addToLog(channel, 'later');
  const reopened = new CatalogStore(on.database);
  expect(reopened.ask('channel', [CHANNEL])).toMatchObject({ name: CHANNEL });
  expect(reopened.position).toBe(SCHEMA_VERSION + 1);
});

test('an entry that this build does not know stops apply right there, with a clear message', () => {
  addToLog({ ...channel, v: 2 }, 'newer');
  addToLog(channel, 'later');
  expect(() => new CatalogStore(on.database)).toThrow(
    expect.objectContaining({
      code: 'metadata.unknown-entry',
      message: `the log’s entry at position ${SCHEMA_VERSION + 1} is "channel.created" version 2, which this build does not know`,
      hint: expect.stringMatching(/never skipped/),
    }),
  );
  expect(on.store.position).toBe(SCHEMA_VERSION);
  expect(on.store.ask('channel', [CHANNEL])).toBeNull();
});

test('tables that a newer build has reshaped are not touched', () => {
  on.database.exec('UPDATE replica SET schema_version = 99');
  expect(() => new CatalogStore(on.database)).toThrow(
    expect.objectContaining({ code: 'metadata.newer-schema', message: expect.stringMatching(/at schema 99/) }),
  );
  on.database.exec(`UPDATE replica SET schema_version = ${SCHEMA_VERSION}`);
});

test('accepted entries are announced once they are committed, refused ones are not', () => {
  const heard: [number, string][] = [];
  on.store.onApplied(({ position, entry }) => heard.push([position, entry.type]));
  const first = on.commit(channel);
  on.commit({ ...channel, id: 'again' });
  expect(heard).toEqual([]);
  on.store.announce();
  on.store.announce();
  expect(heard).toEqual([[first.position, 'channel.created']]);
});

test('an entry past all size is refused before it is in the log', () => {
  const watchers = Array.from({ length: 20_000 }, (_, n) => ({
    userId: `u_${'x'.repeat(60)}${n % 1_000}`,
    progressSec: n,
  }));
  const videos = Array.from({ length: 12 }, (_, n) => ({
    videoId: `v_aaaaaaaaaaaaaa${String(n).padStart(2, '0')}`,
    views: 1,
    beats: 1,
    bufferEvents: 0,
    watchers,
  }));
  expect(() => on.propose('heartbeats.recorded', { minute: 1, videos })).toThrow(/metadata\.bad-entry.*characters/);
  expect(on.store.position).toBe(SCHEMA_VERSION);
});

test('a full disk fails what it has no room for, keeps what was acknowledged, and passes', () => {
  on.commit(channel);
  const pages = Number(on.database.pragma('page_count', { simple: true }));
  on.database.pragma(`max_page_count = ${pages + 4}`);
  const video = (n: number) => `v_${String(n).padStart(16, '0')}`;
  const create = (n: number) =>
    on.propose(
      'video.created',
      { videoId: video(n), uploaderId: OWNER, title: 'x', description: 'y'.repeat(3_000), sizeBytes: 1 },
      { id: `create-${n}` },
    );
  let acknowledged = 0;
  const fill = () => {
    for (; acknowledged < 50; acknowledged += 1) create(acknowledged);
  };
  expect(fill).toThrow(/database or disk is full/);
  expect(acknowledged).toBeLessThan(50);
  const { videos } = on.store.ask('stats', []);
  expect(videos.uploading).toBe(acknowledged);
  expect(on.store.ask('channel', [CHANNEL])).not.toBeNull();
  on.database.pragma('max_page_count = 1000000');
  fill();
  expect(on.store.ask('stats', []).videos.uploading).toBe(50);
});
