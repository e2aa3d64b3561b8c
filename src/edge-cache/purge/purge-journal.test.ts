import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Purge } from './purge.js';
import { PurgeJournal } from './purge-journal.js';

let folder: string;
let path: string;
const opened: PurgeJournal[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-purges-'));
  path = join(folder, 'purges.jsonl');
});
afterEach(() => {
  for (const journal of opened.splice(0)) journal.close();
  rmSync(folder, { recursive: true });
});

function open(at: string | null = path): PurgeJournal {
  const journal = new PurgeJournal(at);
  opened.push(journal);
  return journal;
}

const tag = (value: string): Purge => ({ kind: 'tag', value, soft: false });
const valuesAfter = (journal: PurgeJournal, place = { epoch: journal.place.epoch, last: 0 }) =>
  journal.after(place)?.map(({ value }) => value);

it('has all purges in their order, also after a restart', () => {
  const first = open();
  for (const value of ['a', 'b', 'c']) first.append(tag(value));
  const { place } = first;
  expect(place.last).toBe(3);
  expect(valuesAfter(first, { ...place, last: 1 })).toEqual(['b', 'c']);
  const second = open();
  expect(second.place).toEqual(place);
  second.append(tag('d'));
  expect(valuesAfter(open())).toEqual(['a', 'b', 'c', 'd']);
});

it('cannot say what came behind a place that it does not know', () => {
  const journal = open();
  journal.append(tag('a'));
  const { epoch } = journal.place;
  for (const place of [
    { epoch: 'other', last: 0 },
    { epoch, last: 2 },
    { epoch, last: Number.NaN },
  ]) {
    expect(journal.after(place)).toBeNull();
  }
});

it('drops what a crash has cut off, and goes on behind it', () => {
  open().append(tag('a'));
  appendFileSync(path, '{"number":2,"purge":{"ki');
  const again = open();
  expect(valuesAfter(again)).toEqual(['a']);
  again.append(tag('b'));
  expect(valuesAfter(open())).toEqual(['a', 'b']);
});

it('begins anew where the file is broken, so that all who follow look again', () => {
  const first = open();
  for (const value of ['a', 'b', 'c']) first.append(tag(value));
  const lines = readFileSync(path, 'utf8').split('\n');
  writeFileSync(path, [lines[0], lines[1], 'x', lines[3], ''].join('\n'));
  const again = open();
  expect(again.place.epoch).not.toBe(first.place.epoch);
  expect(again.after(first.place)).toBeNull();
  truncateSync(path, 3);
  expect(open().place.last).toBe(0);
});

it('keeps the last ten thousand', () => {
  const journal = open(null);
  for (let count = 1; count <= 20_500; count += 1) journal.append(tag(`t${count}`));
  const { epoch, last } = journal.place;
  expect(last).toBe(20_500);
  expect(journal.after({ epoch, last: last - 10_001 })).toBeNull();
  expect(valuesAfter(journal, { epoch, last: last - 10_000 })).toHaveLength(10_000);
});

it('says where it cannot be written', () => {
  expect(() => open(join(folder, 'none', 'purges.jsonl'))).toThrow('ENOENT');
});
