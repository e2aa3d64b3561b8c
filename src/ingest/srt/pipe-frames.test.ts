import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameReader, MEDIA_FRAME, REPORT_FRAME, writeFrameHead } from './pipe-frames.js';
import { PipeWriter } from './pipe-writer.js';

/** What came through, media of one connection joined while nothing else came between. */
function reading() {
  const got: (string | { connection: number; bytes: string })[] = [];
  const reader = new FrameReader({
    report: (json) => got.push(json),
    media: (connection, piece) => {
      const last = got.at(-1);
      if (typeof last === 'object' && last.connection === connection) last.bytes += piece.toString('hex');
      else got.push({ connection, bytes: piece.toString('hex') });
    },
  });
  return { got, reader };
}

it('what one side writes the other reads, cut anywhere', () => {
  const item = fc.oneof(
    fc.record({ report: fc.string() }),
    fc.record({
      connection: fc.integer({ min: 1, max: 3 }),
      messages: fc.array(fc.uint8Array({ minLength: 1, maxLength: 1500 }), { minLength: 1, maxLength: 4 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(item, { maxLength: 12 }), fc.array(fc.nat(40_000), { maxLength: 12 }), (items, cuts) => {
      const pipe = new PassThrough({ highWaterMark: 1 << 24 });
      const writer = new PipeWriter(pipe);
      const expected = reading();
      for (const each of items) {
        if ('report' in each) {
          writer.report(each);
          expected.got.push(JSON.stringify(each));
          continue;
        }
        const waiting = each.messages.map((message) => Buffer.from(message));
        writer.batch(each.connection, (into) => waiting.shift()?.copy(into) ?? -1);
        const bytes = Buffer.concat(each.messages).toString('hex');
        const last = expected.got.at(-1);
        if (typeof last === 'object' && last.connection === each.connection) last.bytes += bytes;
        else expected.got.push({ connection: each.connection, bytes });
      }
      writer.flush();
      const bytes: Buffer = pipe.read() ?? Buffer.alloc(0);
      const actual = reading();
      let from = 0;
      for (const cut of [...cuts.filter((at) => at < bytes.length).sort((a, b) => a - b), bytes.length]) {
        expect(actual.reader.push(bytes.subarray(from, cut))).toBe(true);
        from = cut;
      }
      expect(actual.got).toEqual(expected.got);
    }),
  );
});

it('says so when what comes is no frame, and keeps nothing that is too long', () => {
  const head = (kind: number, length: number) => {
    const bytes = Buffer.alloc(9);
    writeFrameHead(bytes, 0, kind, 1, length);
    return bytes;
  };
  expect(reading().reader.push(head(7, 1))).toBe(false);
  expect(reading().reader.push(head(REPORT_FRAME, 2 ** 31))).toBe(false);
  expect(reading().reader.push(head(MEDIA_FRAME, 2 ** 31))).toBe(false);
});

it('a batch ends at its bound, and the writer says when the other side does not read', () => {
  const pipe = new PassThrough({ highWaterMark: 1 });
  const writer = new PipeWriter(pipe);
  const endless = (into: Buffer) => into.fill(1).length;
  expect(writer.batch(1, endless).bytes).toBeLessThanOrEqual(128 * 1024);
  for (let turn = 0; turn < 40 && !writer.full; turn++) {
    writer.batch(1, endless);
    writer.flush();
  }
  expect(writer.full).toBe(true);
  expect(pipe.readableLength + pipe.writableLength).toBeLessThan(4 * 1024 * 1024);
});
