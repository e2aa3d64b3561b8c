import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readLines } from './event-journal.js';

it('reads any text without harm, and what was written whole', () => {
  const entry = fc.oneof(
    fc.record({ id: fc.string(), body: fc.string() }).map((one) => JSON.stringify(one)),
    fc.record({ done: fc.string() }).map((one) => JSON.stringify(one)),
    fc.string(),
    fc.jsonValue().map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(fc.array(entry), (lines) => {
      for (const { id, body } of readLines(lines.join('\n')))
        expect([typeof id, typeof body]).toEqual(['string', 'string']);
    }),
  );
  const text = '{"id":"a","body":"1"}\n{"id":"b","body":"2"}\n{"done":"a"}\n{"id":"c","bod';
  expect(readLines(text)).toEqual([{ id: 'b', body: '2' }]);
});
