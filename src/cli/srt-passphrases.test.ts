import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Catalog, openCatalog } from '../metadata/catalog.js';
import type { EntryData, EntryType } from '../metadata/entries.js';
import { newEntry } from '../metadata/new-entry.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { SrtPassphrases } from './srt-passphrases.js';

let folder: string;
let catalog: Catalog;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-passphrases-'));
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

test('every passphrase is read, however many pages they take, up to the bound', async () => {
  const names = Array.from({ length: 1_003 }, (_, n) => `c${String(n).padStart(4, '0')}`);
  for (let at = 0; at < names.length; at += 200) await Promise.all(names.slice(at, at + 200).map(create));
  for (let at = 0; at < names.length; at += 200) {
    await Promise.all(names.slice(at, at + 200).map((name) => set(name, `secret of ${name}`)));
  }
  await set('c0001', null);
  const all = await new SrtPassphrases(catalog).all();
  expect(all.map(({ channel }) => channel)).toEqual(names.filter((name) => name !== 'c0001'));
  expect(all.at(-1)).toEqual({
    channel: 'c1002',
    streamKey: 'the-key-of-c1002',
    passphrase: 'secret of c1002',
  });
  expect(await new SrtPassphrases(catalog, 501).all()).toEqual(all.slice(0, 501));
});

test('what may change them is heard of, after it has, until the listener stops', async () => {
  const passphrases = new SrtPassphrases(catalog);
  const seen: Promise<string[]>[] = [];
  await create('news');
  await catalog.stats();
  const stop = passphrases.onChange(() =>
    seen.push(passphrases.all().then((all) => all.map(({ streamKey, passphrase }) => `${streamKey} ${passphrase}`))),
  );
  await set('news', 'the first secret');
  await catalog.stats();
  await put('channel.key-rotated', { name: 'news', streamKey: 'another-key' });
  await catalog.stats();
  await put('broadcast.started', { broadcastId: 'b_aaaaaaaaaaaaaaaa', channel: 'news', at: 1 });
  await put('channel.deleted', { name: 'news' });
  await catalog.stats();
  stop();
  await create('other');
  await catalog.stats();
  expect(await Promise.all(seen)).toEqual([['the-key-of-news the first secret'], ['another-key the first secret'], []]);
});
