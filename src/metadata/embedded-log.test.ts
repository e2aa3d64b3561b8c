import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoreOnDisk } from './catalog.fixture.js';
import { EmbeddedLog } from './embedded-log.js';
import { newEntry } from './new-entry.js';
import { Statements } from './statements.js';

let on: StoreOnDisk;
let log: EmbeddedLog;
beforeEach(() => {
  on = new StoreOnDisk({ durable: false });
  on.database.exec('DELETE FROM log');
  log = new EmbeddedLog(new Statements(on.database));
});
afterEach(() => on.close());

const entry = (id: string) => newEntry('channel.deleted', { name: id }, { id, at: 1 });
const ids = (after: number, limit: number) => log.read(after, limit).map((logged) => logged.entry.id);

test('positions rise, and reading goes on after any of them', () => {
  const positions = ['a', 'b', 'c'].map((id) => log.append(entry(id)));
  expect(positions).toEqual([...positions].sort((one, two) => one - two));
  expect(new Set(positions).size).toBe(3);
  expect(ids(0, 10)).toEqual(['a', 'b', 'c']);
  expect(ids(positions[0] ?? 0, 1)).toEqual(['b']);
  expect(ids(positions[2] ?? 0, 10)).toEqual([]);
});

test('an id that is in the log already keeps its position', () => {
  const first = log.append(entry('a'));
  log.append(entry('b'));
  expect(log.append(entry('a'))).toBe(first);
  expect(ids(0, 10)).toEqual(['a', 'b']);
});

test('a limit out of range is brought into it', () => {
  for (let n = 0; n < 1_002; n += 1) log.append(entry(`e${n}`));
  expect(ids(0, 0)).toHaveLength(1);
  expect(ids(0, 1_000_000)).toHaveLength(1_000);
});

test('a follower hears what was there, then what is announced, in order, until it stops', () => {
  log.append(entry('a'));
  const heard: string[] = [];
  const stop = log.follow(0, (logged) => heard.push(logged.entry.id));
  expect(heard).toEqual(['a']);
  log.append(entry('b'));
  log.append(entry('c'));
  expect(heard).toEqual(['a']);
  log.announce();
  expect(heard).toEqual(['a', 'b', 'c']);
  stop();
  log.append(entry('d'));
  log.announce();
  expect(heard).toEqual(['a', 'b', 'c']);
});

test('a follower may stop in the middle of what it hears', () => {
  for (const id of ['a', 'b', 'c']) log.append(entry(id));
  const heard: string[] = [];
  const stop: { now: () => void } = { now: () => {} };
  stop.now = log.follow(1_000_000, () => {});
  stop.now();
  const stopping = log.follow(log.append(entry('d')), (logged) => {
    heard.push(logged.entry.id);
    stopping();
  });
  log.append(entry('e'));
  log.append(entry('f'));
  log.announce();
  expect(heard).toEqual(['e']);
});
