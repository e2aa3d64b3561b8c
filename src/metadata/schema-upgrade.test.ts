import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEFAULT_CHANNEL_SETTINGS } from '../media/channel-settings.js';
import { reasonOf, StoreOnDisk } from './catalog.fixture.js';
import { openLogFile } from './embedded-log-file.js';
import { newEntry } from './new-entry.js';
import { Replica } from './replica.js';
import { SCHEMA_VERSION } from './schema.js';
import { Statements } from './statements.js';

/** Data folders of older builds, opened by this one. */
const schema1 = readFileSync(new URL('catalog-at-schema-1.sql', import.meta.url), 'utf8');

let on: StoreOnDisk;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false, made: schema1 });
});
afterEach(() => on.close());

test('an old catalog is brought to this schema by entries of its log, and keeps all that it had', () => {
  const log = on.store.ask('readLog', [10, 10]);
  expect(log.map(({ position, entry }) => [position, entry.id, entry.data])).toEqual([
    [11, 'schema-2', { version: 2 }],
    [12, 'schema-3', { version: 3 }],
    [13, 'schema-4', { version: 4 }],
    [14, 'schema-5', { version: 5 }],
  ]);
  expect(on.store.ask('stats', [])).toMatchObject({ schemaVersion: SCHEMA_VERSION, users: 2, channels: 2 });
  expect(on.store.ask('channels', [{ limit: 10 }])).toMatchObject([
    { name: 'news', streamKey: 'key-rotated-76543210', revision: 1, settings: DEFAULT_CHANNEL_SETTINGS },
    { name: 'town-hall', ownerId: 'u_operator', live: null, settings: DEFAULT_CHANNEL_SETTINGS },
  ]);
  expect(on.store.ask('video', ['v_aaaaaaaaaaaaaaaa'])).toMatchObject({ failureReason: 'no pictures in it' });
  const settings = { preset: '720p-3', srtPassphrase: 'a passphrase of some length' };
  expect(reasonOf(on.propose('channel.configured', { name: 'news', settings }))).toBe('applied');
  expect(on.store.ask('channelByKey', ['key-rotated-76543210'])).toMatchObject({ settings });
});

const emptyReplica = (): Replica => new Replica(new Statements(openLogFile(join(on.folder, 'empty.sqlite'))));

test('its log, applied from the start to empty tables, makes the same', () => {
  on.propose('channel.configured', { name: 'town-hall', settings: { graceSec: 5, onLoss: 'hold' } });
  const replica = emptyReplica();
  for (const logged of on.store.ask('readLog', [0, 1_000])) replica.apply(logged);
  expect(replica.tablesHash()).toBe(on.store.ask('tablesHash', []));
});

test('settings wait for the schema that holds them', () => {
  const replica = emptyReplica();
  for (const logged of on.store.ask('readLog', [0, 10])) replica.apply(logged);
  const early = newEntry('channel.configured', { name: 'news', settings: { graceSec: 5 } });
  expect(replica.apply({ position: 11, entry: early })).toMatchObject({ applied: false, reason: 'conflict' });
});
