/**
 * One record as it is read back: name and head at once, the body block by block, and nothing of it before its checksum was found right.
 *
 * Lives from `openRecord` to `close`.
 */
import { crc32 } from 'node:zlib';
import { type OpenFile, readAt } from './files.js';
import { isSameHash, type NameHash } from './name-hash.js';
import type { Place } from './object-index.js';
import {
  blockBytes,
  blockOf,
  blocksOf,
  headerBytes,
  metaBytes,
  type RecordHeader,
  type RecordMeta,
  readHeader,
  readMeta,
  recordBytes,
} from './record.js';
import { type SegmentFolder, segmentPath } from './segment-file.js';

/** The first read: all of a small object. */
const firstBytes = 128 * 1024;
/** How much of a body is read at once. */
const blocksAtOnce = 4;

/** What was written is not what is there. */
export class Corrupt extends Error {}

export class StoredRecord {
  readonly header: RecordHeader;
  readonly meta: RecordMeta;
  readonly #file: OpenFile;
  readonly #place: Place;
  readonly #readMs: number;
  /** From the record's beginning on. */
  readonly #held: Buffer;

  /** Throws `Corrupt`, or an error of the file system's. */
  static async open(at: SegmentFolder, place: Place, hash: NameHash): Promise<StoredRecord> {
    const file = await at.files.open(segmentPath(at, place.segment), 'r');
    try {
      let held = await readAt(file, Buffer.allocUnsafe(Math.min(firstBytes, place.bytes)), place.offset, at.readMs);
      const header = readHeader(held);
      if (header === null || recordBytes(header) !== place.bytes || !isSameHash(header.hash, hash)) throw new Corrupt();
      const needed = metaBytes(header);
      if (needed > held.length) held = await readAt(file, Buffer.allocUnsafe(needed), place.offset, at.readMs);
      const meta = readMeta(header, held.subarray(headerBytes, needed));
      if (meta === null) throw new Corrupt();
      return new StoredRecord(file, place, at.readMs, { header, meta, held });
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
  }

  private constructor(
    file: OpenFile,
    place: Place,
    readMs: number,
    read: { header: RecordHeader; meta: RecordMeta; held: Buffer },
  ) {
    this.#file = file;
    this.#place = place;
    this.#readMs = readMs;
    this.header = read.header;
    this.meta = read.meta;
    this.#held = read.held;
  }

  /** The body in order. Copy each before asking for the next. Throws as `open` does. */
  async *body(): AsyncGenerator<Uint8Array> {
    const { bodyBytes } = this.header;
    const bodyAt = metaBytes(this.header);
    if (bodyAt + bodyBytes <= this.#held.length) {
      yield this.#checked(this.#held.subarray(bodyAt, bodyAt + bodyBytes), 0);
      return;
    }
    const buffer = Buffer.allocUnsafe(Math.min(bodyBytes, blocksAtOnce * blockBytes));
    for (let block = 0; block < blocksOf(bodyBytes); block += blocksAtOnce) {
      const from = block * blockBytes;
      const into = buffer.subarray(0, Math.min(buffer.length, bodyBytes - from));
      const bytes = await readAt(this.#file, into, this.#place.offset + bodyAt + from, this.#readMs);
      if (bytes.length < into.length) throw new Corrupt();
      yield this.#checked(bytes, block);
    }
  }

  /** Header, name, head and checksums, as they were written. */
  get written(): Uint8Array {
    return this.#held.subarray(0, metaBytes(this.header));
  }

  close(): Promise<void> {
    return this.#file.close().catch(() => undefined);
  }

  #checked(bytes: Uint8Array, firstBlock: number): Uint8Array {
    for (let block = 0; block < blocksOf(bytes.length); block += 1) {
      if (crc32(blockOf(bytes, block)) !== this.meta.blockChecksums[firstBlock + block]) throw new Corrupt();
    }
    return bytes;
  }
}
