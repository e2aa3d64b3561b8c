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
  const journal = new PurgeJournal(at, 1000);
  opened.push(journal);
  return journal;
}

const tag = (value: string): Purge => ({ kind: 'tag', value, soft: false });
const valuesAfter = (journal: PurgeJournal, place = { epoch: journal.place.epoch, last: 0 }) =>
  journal.after(place)?.map(({ value }) => value);

it('has all purges in their order, also after a restart', () => {
  const first = open();
  for (const value of ['a', 'b', 'c']) first.append(tag(value), 2000);
  const { place } = first;
  expect(place.last).toBe(3);
  expect(valuesAfter(first, { ...place, last: 1 })).toEqual(['b', 'c']);
  const second = open();
  expect(second.place).toEqual(place);
  second.append(tag('d'), 2000);
  expect(valuesAfter(open())).toEqual(['a', 'b', 'c', 'd']);
});

it('cannot say what came behind a place that it does not know', () => {
  const journal = open();
  journal.append(tag('a'), 2000);
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
  open().append(tag('a'), 2000);
  appendFileSync(path, '{"number":2,"purge":{"ki');
  const again = open();
  expect(valuesAfter(again)).toEqual(['a']);
  again.append(tag('b'), 2000);
  expect(valuesAfter(open())).toEqual(['a', 'b']);
});

it('begins anew where the file is broken, so that all who follow look again', () => {
  const first = open();
  for (const value of ['a', 'b', 'c']) first.append(tag(value), 2000);
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
  for (let count = 1; count <= 20_500; count += 1) journal.append(tag(`t${count}`), 2000);
  const { epoch, last } = journal.place;
  expect(last).toBe(20_500);
  expect(journal.after({ epoch, last: last - 10_001 })).toBeNull();
  expect(valuesAfter(journal, { epoch, last: last - 10_000 })).toHaveLength(10_000);
});

it('knows what was purged since a time, or that it does not', () => {
  const journal = open();
  for (const [at, value] of [
    [1000, 'a'],
    [2000, 'b'],
    [3000, 'c'],
  ] as const) {
    journal.append(tag(value), at);
  }
  for (const each of [journal, open()]) {
    expect(each.since(999)).toBeNull();
    expect(each.since(1000)?.map(({ value }) => value)).toEqual(['c', 'b', 'a']);
    expect(each.since(2001)?.map(({ value }) => value)).toEqual(['c']);
    expect(each.since(3001)).toEqual([]);
  }
  for (let count = 0; count < 20_000; count += 1) journal.append(tag('d'), 4000);
  expect([journal.since(3000), journal.since(4000), journal.since(4001)]).toMatchObject([null, null, []]);
});

it('says where it cannot be written', () => {
  expect(() => open(join(folder, 'none', 'purges.jsonl'))).toThrow('ENOENT');
});
