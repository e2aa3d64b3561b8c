import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, newFolder, startBox } from '../box.js';

/** A data folder that an older Headwater left, under this one. */
afterAll(cleanUp);

const schema1 = readFileSync(new URL('../../src/metadata/catalog-at-schema-1.sql', import.meta.url), 'utf8');

it('starts on the data folder of Headwater 0.1.0 and keeps all that is in it', async () => {
  const data = join(newFolder(), 'data');
  mkdirSync(data);
  const old = new Sqlite(join(data, 'catalog.sqlite'));
  old.exec(schema1);
  old.close();

  const box = await startBox({ data });
  const channels = await box.json<{ name: string }[]>('channel', 'list');
  expect(channels.map(({ name }) => name)).toEqual(['news', 'town-hall']);
  expect(await box.json('channel', 'show', 'news')).toMatchObject({
    streamKey: 'key-rotated-76543210',
    settings: { preset: null, graceSec: null, onLoss: null, srtPassphrase: null, dvrSec: null, archive: null },
  });
  expect(await box.json('channel', 'set', 'news', '--grace', '5')).toMatchObject({ settings: { graceSec: 5 } });
  expect(await box.command('video', 'list')).toContain('A walk');
  expect(await box.kill('SIGTERM')).toBe(0);

  const again = await startBox({ data });
  expect(await again.command('channel', 'show', 'news')).toMatch(/grace +5 s/);
});
