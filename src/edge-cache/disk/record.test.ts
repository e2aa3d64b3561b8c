import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockBytes,
  blockOf,
  blocksOf,
  headerBytes,
  metaBytes,
  type RecordDraft,
  readHeader,
  readMeta,
  recordBytes,
  writeMeta,
} from './record.js';
import { type IndexEntry, readSegmentIndex, writeSegmentIndex } from './segment-index.js';

const u32 = fc.nat(2 ** 32 - 1);
const hash = fc.record({ low: u32, high: u32 });
const draft: fc.Arbitrary<RecordDraft> = fc
  .record({
    kind: fc.constantFrom('object' as const, 'variation' as const, 'removal' as const),
    hash,
    freshUntilSec: u32,
    name: fc.string({ unit: 'binary' }),
    head: fc.string({ unit: 'binary' }),
    blockChecksums: fc.array(u32, { maxLength: 4 }),
    missing: fc.nat(blockBytes - 1),
  })
  .map(({ missing, ...rest }) => ({
    ...rest,
    bodyBytes: Math.max(0, rest.blockChecksums.length * blockBytes - missing),
  }));

const written = (of: RecordDraft): Buffer => {
  const meta = writeMeta(of);
  if (meta === null) throw new Error('it is not too long');
  return meta;
};

describe('a record', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(draft, (record) => {
        const bytes = written(record);
        const header = readHeader(bytes);
        expect(header).toMatchObject({ kind: record.kind, hash: record.hash, freshUntilSec: record.freshUntilSec });
        if (header === null) return;
        expect(metaBytes(header)).toBe(bytes.length);
        expect(recordBytes(header)).toBe(bytes.length + record.bodyBytes);
        const { name, head, blockChecksums } = record;
        expect(readMeta(header, bytes.subarray(headerBytes))).toEqual({ name, head, blockChecksums });
      }),
    );
  });

  it('is not taken for what it was not, whichever bit flips', () => {
    fc.assert(
      fc.property(draft, fc.nat(), fc.nat(7), (record, at, bit) => {
        const bytes = written(record);
        const byte = at % bytes.length;
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit);
        const header = readHeader(bytes);
        const meta = header === null ? null : readMeta(header, bytes.subarray(headerBytes));
        expect(meta).toBeNull();
      }),
    );
  });

  it('takes any bytes, and is none of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, begins) => {
        const random = Buffer.from(bytes);
        if (begins && random.length >= 4) random.writeUInt32LE(0x31525748, 0);
        expect(readHeader(random)).toBeNull();
      }),
    );
  });

  it('has no lengths that nobody would have written, even where the checksum is right', () => {
    const bytes = written({
      kind: 'object',
      hash: { low: 1, high: 2 },
      freshUntilSec: 0,
      name: '',
      head: '',
      bodyBytes: 0,
      blockChecksums: [],
    });
    bytes.writeUInt32LE(2 ** 31, 16);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 36)), 36);
    expect(readHeader(bytes)).toBeNull();
  });

  it('is refused where its name is longer than what is read back', () => {
    expect(
      writeMeta({
        kind: 'object',
        hash: { low: 1, high: 2 },
        freshUntilSec: 0,
        name: 'x'.repeat(200_000),
        head: '',
        bodyBytes: 0,
        blockChecksums: [],
      }),
    ).toBeNull();
  });

  it('has blocks that make up its body', () => {
    fc.assert(
      fc.property(fc.nat(3 * blockBytes), (length) => {
        const body = Buffer.alloc(length, 1);
        const blocks = Array.from({ length: blocksOf(length) }, (_, block) => blockOf(body, block).length);
        expect(blocks.reduce((sum, bytes) => sum + bytes, 0)).toBe(length);
        expect(blocks.every((bytes) => bytes > 0 && bytes <= blockBytes)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

describe('the index of a segment', () => {
  const entry: fc.Arbitrary<IndexEntry> = fc.record({ hash, offset: u32, bytes: u32, freshUntilSec: u32 });

  it('is read as it was written, for a segment of that length alone', () => {
    fc.assert(
      fc.property(fc.array(entry), u32, (entries, segmentBytes) => {
        const bytes = writeSegmentIndex(segmentBytes, entries);
        expect([...(readSegmentIndex(bytes, segmentBytes) ?? [])]).toEqual(entries);
        expect(readSegmentIndex(bytes, segmentBytes + 1)).toBeNull();
      }),
    );
  });

  it('is none where any bit flipped, or an end is missing', () => {
    fc.assert(
      fc.property(fc.array(entry), fc.nat(), fc.nat(7), fc.nat(), (entries, at, bit, length) => {
        const bytes = writeSegmentIndex(1000, entries);
        expect(readSegmentIndex(bytes.subarray(0, length % bytes.length), 1000)).toBeNull();
        const byte = at % bytes.length;
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit);
        expect(readSegmentIndex(bytes, 1000)).toBeNull();
      }),
    );
  });

  it('takes any bytes, and is none of them', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.nat(100),
        (bytes, length) => readSegmentIndex(Buffer.from(bytes), length) === null,
      ),
    );
  });
});
