import { chmodSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDataFolder } from './data-folder.js';
import { EncodeSpeed } from './encode-speed.js';

const newFolder = () => mkdtempSync(join(tmpdir(), 'headwater-data-'));

it('makes its secrets once, for its user alone', () => {
  const root = newFolder();
  const first = openDataFolder(root);
  expect(statSync(join(root, 'operator.token')).mode & 0o777).toBe(0o600);
  expect(statSync(join(root, 'token.secret')).mode & 0o777).toBe(0o600);
  expect(first.tokenSecret).toHaveLength(32);
  first.close();
  const second = openDataFolder(root);
  expect(second.operatorToken).toBe(first.operatorToken);
  expect(second.tokenSecret).toEqual(first.tokenSecret);
  second.close();
});

it('writes the addresses whole, and takes them away when it closes', () => {
  const root = newFolder();
  const copy = join(root, 'copy.json');
  const data = openDataFolder(root);
  data.writeReady({ http: '127.0.0.1:1' }, [copy]);
  for (const file of [copy, join(root, 'ready.json')]) {
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ http: '127.0.0.1:1' });
  }
  data.close();
  expect(readdirSync(root).sort()).toEqual(['copy.json', 'operator.token', 'token.secret']);
});

it('is held by one living process: a lock of one that is gone, or of another with its number, is taken over', () => {
  const root = newFolder();
  const parentStart = readFileSync(`/proc/${process.ppid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  writeFileSync(join(root, 'box.lock'), `${process.ppid} ${parentStart}\n`);
  expect(() => openDataFolder(root)).toThrow(`another box (process ${process.ppid}) runs on ${root}`);
  for (const stale of [`${process.ppid} 1`, '4194304 12345', 'nonsense']) {
    writeFileSync(join(root, 'box.lock'), `${stale}\n`);
    openDataFolder(root).close();
  }
});

it('refuses, in words, a folder that it cannot use', () => {
  const file = join(newFolder(), 'a-file');
  writeFileSync(file, '');
  expect(() => openDataFolder(file)).toThrow(/cannot be written/);
  expect(() => openDataFolder(join(newFolder(), 'a,b'))).toThrow(/cannot be used/);
  const locked = newFolder();
  chmodSync(locked, 0o500);
  if (process.getuid?.() !== 0) expect(() => openDataFolder(locked)).toThrow(/cannot be written/);
});

it('keeps the measured encode speed, prefers the setting, and takes nonsense for not known', () => {
  const file = join(newFolder(), 'encode-speed.json');
  expect(new EncodeSpeed({ file, setting: null }).pixelsPerSecond).toBe(EncodeSpeed.assumed);
  writeFileSync(file, '{"pixelsPerSecond":123456789}');
  expect(new EncodeSpeed({ file, setting: null }).pixelsPerSecond).toBe(123_456_789);
  expect(new EncodeSpeed({ file, setting: 5 }).pixelsPerSecond).toBe(5);
  for (const nonsense of ['', '{}', '{"pixelsPerSecond":-1}', '[1']) {
    writeFileSync(file, nonsense);
    expect(new EncodeSpeed({ file, setting: null }).pixelsPerSecond).toBe(EncodeSpeed.assumed);
  }
});
