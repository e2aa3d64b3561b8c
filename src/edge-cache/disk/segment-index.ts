/**
 * The index of a segment that is written to its end, as the bytes of a file beside it: a start need not read the segment. Pure;
 * reads any bytes, and never throws.
 */
import { crc32 } from 'node:zlib';
import type { NameHash } from './name-hash.js';

/** In order of writing: later ones count. */
export interface IndexEntry {
  readonly hash: NameHash;
  /** Of the whole record in its segment. 0 bytes: what had this hash is no more. */
  readonly offset: number;
  readonly bytes: number;
  readonly freshUntilSec: number;
}

const magic = 0x31495748;
const headerBytes = 20;
const entryBytes = 20;

export const indexBytes = (entries: number): number => headerBytes + entries * entryBytes;

export function writeSegmentIndex(segmentBytes: number, entries: readonly IndexEntry[]): Buffer {
  const bytes = Buffer.allocUnsafe(indexBytes(entries.length));
  let at = headerBytes;
  for (const { hash, offset, bytes: length, freshUntilSec } of entries) {
    for (const field of [hash.low, hash.high, offset, length, freshUntilSec]) at = bytes.writeUInt32LE(field, at);
  }
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(segmentBytes, 4);
  bytes.writeUInt32LE(entries.length, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(headerBytes)), 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
  return bytes;
}

/** Null: it is not what was written, or not of a segment of this length. */
export function readSegmentIndex(bytes: Buffer, segmentBytes: number): Iterable<IndexEntry> | null {
  if (bytes.length < headerBytes || bytes.readUInt32LE(0) !== magic) return null;
  if (crc32(bytes.subarray(0, 16)) !== bytes.readUInt32LE(16)) return null;
  if (bytes.readUInt32LE(4) !== segmentBytes || bytes.length !== indexBytes(bytes.readUInt32LE(8))) return null;
  return crc32(bytes.subarray(headerBytes)) === bytes.readUInt32LE(12) ? entriesOf(bytes) : null;
}

function* entriesOf(bytes: Buffer): Generator<IndexEntry> {
  for (let at = headerBytes; at < bytes.length; at += entryBytes) {
    yield {
      hash: { low: bytes.readUInt32LE(at), high: bytes.readUInt32LE(at + 4) },
      offset: bytes.readUInt32LE(at + 8),
      bytes: bytes.readUInt32LE(at + 12),
      freshUntilSec: bytes.readUInt32LE(at + 16),
    };
  }
}
