import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoreOnDisk } from './catalog.fixture.js';
import { openLogFile } from './embedded-log-file.js';

let on: StoreOnDisk;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false });
});
afterEach(() => on.close());

test('the file syncs every commit, and is for its owner alone', () => {
  const database = openLogFile(join(on.folder, 'second.sqlite'));
  expect(database.pragma('synchronous', { simple: true })).toBe(2);
  expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
  database.close();
  expect(statSync(join(on.folder, 'second.sqlite')).mode & 0o777).toBe(0o600);
});

test('a second process is kept out', () => {
  const opener = `
    const Sqlite = require('better-sqlite3');
    const database = new Sqlite(process.argv[1], { timeout: 50 });
    try { database.exec('BEGIN IMMEDIATE'); } catch (error) { console.log(error.code); }`;
  const { stdout } = spawnSync(process.execPath, ['-e', opener, on.file], { encoding: 'utf8' });
  expect(stdout).toMatch(/^SQLITE_BUSY/);
});

test('a file that is no database is refused', () => {
  const file = join(on.folder, 'not-a-database');
  writeFileSync(file, 'hello there, this is text and long enough to be read as a header, is it not? '.repeat(20));
  expect(() => openLogFile(file)).toThrow(/not a database/);
});
