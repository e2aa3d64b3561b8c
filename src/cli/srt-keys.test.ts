import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type KeyChange, KeyTable } from '../ingest/srt/key-table.js';
import { hashOfKey } from '../ingest/srt/stream-id.js';
import { type Catalog, openCatalog } from '../metadata/catalog.js';
import type { EntryData, EntryType } from '../metadata/entries.js';
import { newEntry } from '../metadata/new-entry.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { SrtKeys } from './srt-keys.js';

let folder: string;
let catalog: Catalog;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-srt-keys-'));
  catalog = await openCatalog({ file: join(folder, 'catalog.sqlite'), log: silentLog, metrics: new Metrics() });
});
afterEach(async () => {
  await catalog.close();
  rmSync(folder, { recursive: true, force: true });
});

async function put<T extends EntryType>(type: T, data: EntryData<T>): Promise<void> {
  const verdict = await catalog.append(newEntry(type, data));
  if (!verdict.applied) throw new Error(verdict.message);
}

const create = (name: string) => put('channel.created', { name, ownerId: 'u_1', streamKey: `the-key-of-${name}` });
const set = (name: string, srtPassphrase: string | null) =>
  put('channel.configured', { name, settings: { srtPassphrase } });

/** What a table holds that has heard everything. */
function contents(table: KeyTable): [string, string | null][] {
  return [...table.pieces(100)].flat().map(({ keyHash, passphrase }) => [keyHash, passphrase]);
}

test('every channel is told of, however many pages they take', async () => {
  const names = Array.from({ length: 1_003 }, (_, n) => `c${String(n).padStart(4, '0')}`);
  for (let at = 0; at < names.length; at += 200) await Promise.all(names.slice(at, at + 200).map(create));
  await set('c1001', 'the secret of c1001');
  const told: KeyChange[] = [];
  (await new SrtKeys(catalog).follow((change) => told.push(change)))();
  expect(told.map(({ channel }) => channel)).toEqual(names);
  expect(told.slice(-2)).toEqual([
    { channel: 'c1001', streamKey: 'the-key-of-c1001', passphrase: 'the secret of c1001' },
    { channel: 'c1002', streamKey: 'the-key-of-c1002', passphrase: null },
  ]);
});

test('what changes is told at once, before it is answered, until the listener stops', async () => {
  const table = new KeyTable();
  const stop = await new SrtKeys(catalog).follow((change) => table.apply(change));
  await create('news');
  expect(contents(table)).toEqual([[hashOfKey('the-key-of-news'), null]]);
  await set('news', 'the first secret');
  expect(contents(table)).toEqual([[hashOfKey('the-key-of-news'), 'the first secret']]);
  await put('channel.configured', { name: 'news', settings: { graceSec: 9 } });
  await put('channel.key-rotated', { name: 'news', streamKey: 'another-key' });
  expect(contents(table)).toEqual([[hashOfKey('another-key'), 'the first secret']]);
  await put('broadcast.started', { broadcastId: 'b_aaaaaaaaaaaaaaaa', channel: 'news', at: 1 });
  await put('channel.deleted', { name: 'news' });
  expect(contents(table)).toEqual([]);
  stop();
  await create('other');
  expect(contents(table)).toEqual([]);
});

test('what changes while the channels are being read is not missed', async () => {
  await Promise.all(['a', 'b', 'c'].map(create));
  const table = new KeyTable();
  const following = new SrtKeys(catalog).follow((change) => table.apply(change));
  await Promise.all([
    create('d'),
    set('a', 'the secret of a'),
    put('channel.key-rotated', { name: 'b', streamKey: 'another-key' }),
    put('channel.deleted', { name: 'c' }),
  ]);
  (await following)();
  expect(contents(table).sort()).toEqual(
    [
      [hashOfKey('the-key-of-a'), 'the secret of a'],
      [hashOfKey('another-key'), null],
      [hashOfKey('the-key-of-d'), null],
    ].sort(),
  );
});
