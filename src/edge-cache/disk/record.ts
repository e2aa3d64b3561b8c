/**
 * One record of a segment file, as bytes. Pure; reads any bytes, and never throws.
 *
 *   header (40 bytes, its own checksum last) | name | head | one checksum for each block of the body | body
 *
 * All numbers are little-endian. The header alone leads to the next record; name, head and the blocks' checksums share one in the
 * header; and each block of the body has its own, so that a body may be handed on as it is read.
 */
import { crc32 } from 'node:zlib';
import type { NameHash } from './name-hash.js';

/** `variation`: the name is an address whose answers vary; the head says on what. `removal`: what had this hash is no more. */
export type RecordKind = 'object' | 'variation' | 'removal';

export interface RecordHeader {
  readonly kind: RecordKind;
  readonly hash: NameHash;
  readonly nameBytes: number;
  readonly headBytes: number;
  readonly bodyBytes: number;
  /** Epoch seconds; 0 where it means nothing. */
  readonly freshUntilSec: number;
  readonly metaChecksum: number;
}

export interface RecordMeta {
  readonly name: string;
  readonly head: string;
  readonly blockChecksums: readonly number[];
}

export interface RecordDraft {
  readonly kind: RecordKind;
  readonly hash: NameHash;
  readonly freshUntilSec: number;
  readonly name: string;
  readonly head: string;
  readonly bodyBytes: number;
  readonly blockChecksums: readonly number[];
}

export const headerBytes = 40;
export const blockBytes = 256 * 1024;
/** The layout's second version would have another number here: what cannot be read is a miss. */
const magic = 0x31525748;
const kinds: readonly RecordKind[] = ['object', 'variation', 'removal'];
const nameBytesMax = 128 * 1024;
const headBytesMax = 1024 * 1024;

/** All of what stands before the body; null where it is longer than anything that is read back. */
export function writeMeta(draft: RecordDraft): Buffer | null {
  const [name, head] = [Buffer.from(draft.name), Buffer.from(draft.head)];
  if (name.length > nameBytesMax || head.length > headBytesMax) return null;
  const meta = Buffer.allocUnsafe(headerBytes + name.length + head.length + 4 * draft.blockChecksums.length);
  name.copy(meta, headerBytes);
  head.copy(meta, headerBytes + name.length);
  let at = headerBytes + name.length + head.length;
  for (const checksum of draft.blockChecksums) at = meta.writeUInt32LE(checksum, at);
  const metaChecksum = crc32(meta.subarray(headerBytes));
  writeHeader(meta, {
    ...{ kind: draft.kind, hash: draft.hash, freshUntilSec: draft.freshUntilSec, metaChecksum },
    ...{ nameBytes: name.length, headBytes: head.length, bodyBytes: draft.bodyBytes },
  });
  return meta;
}

function writeHeader(bytes: Buffer, header: RecordHeader): void {
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(kinds.indexOf(header.kind), 4);
  bytes.writeUInt32LE(header.hash.low, 8);
  bytes.writeUInt32LE(header.hash.high, 12);
  bytes.writeUInt32LE(header.nameBytes, 16);
  bytes.writeUInt32LE(header.headBytes, 20);
  bytes.writeUInt32LE(header.bodyBytes, 24);
  bytes.writeUInt32LE(header.freshUntilSec, 28);
  bytes.writeUInt32LE(header.metaChecksum, 32);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 36)), 36);
}

/** Null: these bytes begin no record. */
export function readHeader(bytes: Buffer): RecordHeader | null {
  if (bytes.length < headerBytes || bytes.readUInt32LE(0) !== magic) return null;
  if (crc32(bytes.subarray(0, 36)) !== bytes.readUInt32LE(36)) return null;
  const kind = kinds[bytes.readUInt32LE(4)];
  const [nameBytes, headBytes] = [bytes.readUInt32LE(16), bytes.readUInt32LE(20)];
  if (kind === undefined || nameBytes > nameBytesMax || headBytes > headBytesMax) return null;
  return {
    kind,
    hash: { low: bytes.readUInt32LE(8), high: bytes.readUInt32LE(12) },
    nameBytes,
    headBytes,
    bodyBytes: bytes.readUInt32LE(24),
    freshUntilSec: bytes.readUInt32LE(28),
    metaChecksum: bytes.readUInt32LE(32),
  };
}

/** Of the bytes that stand between header and body. Null: they are not what was written. */
export function readMeta(header: RecordHeader, bytes: Buffer): RecordMeta | null {
  if (bytes.length !== metaBytes(header) - headerBytes || crc32(bytes) !== header.metaChecksum) return null;
  const headAt = header.nameBytes;
  const checksumsAt = headAt + header.headBytes;
  const blockChecksums = Array.from({ length: blocksOf(header.bodyBytes) }, (_, block) =>
    bytes.readUInt32LE(checksumsAt + 4 * block),
  );
  return { name: bytes.toString('utf8', 0, headAt), head: bytes.toString('utf8', headAt, checksumsAt), blockChecksums };
}

export const blocksOf = (bodyBytes: number): number => Math.ceil(bodyBytes / blockBytes);

/** Header and all else before the body. */
export const metaBytes = (header: RecordHeader): number =>
  headerBytes + header.nameBytes + header.headBytes + 4 * blocksOf(header.bodyBytes);

export const recordBytes = (header: RecordHeader): number => metaBytes(header) + header.bodyBytes;

export const blockOf = (body: Uint8Array, block: number): Uint8Array =>
  body.subarray(block * blockBytes, (block + 1) * blockBytes);
