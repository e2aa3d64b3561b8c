import { expect, test } from 'vitest';
import { readEntry } from './entries.js';
import { newEntry } from './new-entry.js';

const entry = newEntry('channel.deleted', { name: 'town-hall' }, { id: 'one', at: 7 });

test('an entry reads back as it was', () => {
  expect(readEntry(JSON.parse(JSON.stringify(entry)), 'it')).toEqual({
    id: 'one',
    v: 1,
    type: 'channel.deleted',
    at: 7,
    data: { name: 'town-hall' },
  });
});

test('without a stamp, an entry gets an id and a time of its own', () => {
  const [first, second] = [1, 2].map(() => newEntry('channel.deleted', { name: 'a' }));
  expect(first?.id).not.toBe(second?.id);
  expect(Number.isInteger(first?.at)).toBe(true);
});

test.each([
  ['a type from the future', { ...entry, type: 'channel.renamed' }, /"channel\.renamed" version 1/],
  ['a version from the future', { ...entry, v: 2 }, /"channel\.deleted" version 2/],
  ['a name that every object has', { ...entry, type: 'constructor' }, /"constructor" version 1/],
])('%s is unknown, and says that a newer build is needed', (_, value, message) => {
  const reading = () => readEntry(value, 'the entry at position 9');
  expect(reading).toThrow(message);
  expect(reading).toThrow(/^the entry at position 9 /);
  expect(reading).toThrow(
    expect.objectContaining({ code: 'metadata.unknown-entry', hint: expect.stringMatching(/newer/) }),
  );
});

test.each([
  ['nothing', null],
  ['a number', 7],
  ['no data', { ...entry, data: undefined }],
  ['a field too many', { ...entry, data: { name: 'town-hall', force: true } }],
  ['a name that is none', { ...entry, data: { name: '../etc' } }],
  ['a time that is none', { ...entry, at: 1.5 }],
  ['an empty id', { ...entry, id: '' }],
  ['no version', { ...entry, v: undefined }],
])('%s is malformed', (_, value) => {
  expect(() => readEntry(value, 'it')).toThrow(expect.objectContaining({ code: 'metadata.bad-entry' }));
});
