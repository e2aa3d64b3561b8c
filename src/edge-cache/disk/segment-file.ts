/**
 * The files of one disk's folder: `<number>.segment`, records one behind the other, and `<number>.index` beside those that are
 * written to their end. A segment is only ever appended to, and goes as a whole.
 */
import { join } from 'node:path';
import { type Files, type OpenFile, readAt, writeAt } from './files.js';
import { headerBytes, type RecordHeader, readHeader, recordBytes } from './record.js';
import { type IndexEntry, indexBytes, readSegmentIndex, writeSegmentIndex } from './segment-index.js';

/** `bytes`: of the segment and its index together. */
export interface Segment {
  readonly number: number;
  readonly bytes: number;
}

export interface SegmentFolder {
  readonly folder: string;
  readonly files: Files;
  /** The longest that a disk may take for one read. */
  readonly readMs: number;
}

/** What the index can hold. */
const offsetMax = 2 ** 32 - 1;
const segmentName = /^(\d{10})\.segment$/;
/** The largest read of a scan: small records come many to one. */
const scanBytes = 256 * 1024;

export const segmentPath = ({ folder }: SegmentFolder, number: number): string =>
  join(folder, `${String(number).padStart(10, '0')}.segment`);
const indexPath = ({ folder }: SegmentFolder, number: number): string =>
  join(folder, `${String(number).padStart(10, '0')}.index`);

/** The numbers of the segments that are there, oldest first. */
export async function listSegments({ folder, files }: SegmentFolder): Promise<number[]> {
  const names = await files.list(folder);
  const numbers = names.flatMap((name) => Number(segmentName.exec(name)?.[1] ?? 0) || []);
  return numbers.sort((one, other) => one - other);
}

/** What a segment holds, from its index, or, where that is missing or not right, from the records themselves. */
export async function loadSegment(
  at: SegmentFolder,
  number: number,
): Promise<{ segment: Segment; entries: Iterable<IndexEntry> }> {
  const file = await at.files.open(segmentPath(at, number), 'r');
  try {
    const { size } = await file.stat();
    const bytes = await at.files.readFile(indexPath(at, number)).catch(() => null);
    const kept = bytes === null ? null : readSegmentIndex(bytes, size);
    if (kept !== null) return { segment: { number, bytes: size + (bytes?.length ?? 0) }, entries: kept };
    const entries = await scan(file, size, at.readMs);
    return { segment: await seal(at, number, size, entries), entries };
  } finally {
    await file.close();
  }
}

/** From the first record to the last that is whole: what a crash cut off is left. */
async function scan(file: OpenFile, size: number, readMs: number): Promise<IndexEntry[]> {
  const entries: IndexEntry[] = [];
  let held: Buffer = Buffer.alloc(0);
  let heldAt = 0;
  for (let offset = 0; offset + headerBytes <= Math.min(size, offsetMax); ) {
    if (offset + headerBytes > heldAt + held.length) {
      held = await readAt(file, Buffer.allocUnsafe(Math.min(scanBytes, size - offset)), offset, readMs);
      heldAt = offset;
    }
    const header = readHeader(held.subarray(offset - heldAt, offset - heldAt + headerBytes));
    if (header === null || offset + recordBytes(header) > size) break;
    entries.push(entryOf(header, offset));
    offset += recordBytes(header);
  }
  return entries;
}

function entryOf(header: RecordHeader, offset: number): IndexEntry {
  const bytes = header.kind === 'removal' ? 0 : recordBytes(header);
  return { hash: header.hash, offset, bytes, freshUntilSec: header.freshUntilSec };
}

/** Writes the index of a segment to which nothing is added any more. Without one it is scanned at the next start, which is all. */
async function seal(at: SegmentFolder, number: number, size: number, entries: readonly IndexEntry[]): Promise<Segment> {
  const [path, draft] = [indexPath(at, number), `${indexPath(at, number)}.new`];
  try {
    await at.files.writeFile(draft, writeSegmentIndex(size, entries));
    await at.files.rename(draft, path);
    return { number, bytes: size + indexBytes(entries.length) };
  } catch {
    await at.files.remove(draft).catch(() => undefined);
    return { number, bytes: size };
  }
}

export async function removeSegment(at: SegmentFolder, number: number): Promise<void> {
  await at.files.remove(segmentPath(at, number));
  await at.files.remove(indexPath(at, number));
}

/**
 * The segment that is being written. Lives from `create` to `seal`, or to `abandon` after an error.
 */
export class OpenSegment {
  readonly number: number;
  readonly #at: SegmentFolder;
  readonly #file: OpenFile;
  readonly #entries: IndexEntry[] = [];
  #bytes = 0;

  static async create(at: SegmentFolder, number: number): Promise<OpenSegment> {
    return new OpenSegment(at, number, await at.files.open(segmentPath(at, number), 'wx'));
  }

  private constructor(at: SegmentFolder, number: number, file: OpenFile) {
    this.#at = at;
    this.number = number;
    this.#file = file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** All of them in one go. */
  async append(buffers: readonly Uint8Array[], entries: readonly IndexEntry[]): Promise<void> {
    await writeAt(this.#file, buffers, this.#bytes);
    for (const entry of entries) this.#entries.push(entry);
    this.#bytes += buffers.reduce((sum, { length }) => sum + length, 0);
  }

  async seal(): Promise<Segment> {
    await this.#file.close();
    return seal(this.#at, this.number, this.#bytes, this.#entries);
  }

  /** What was written before the error stays; it is scanned at the next start. */
  async abandon(): Promise<Segment> {
    await this.#file.close().catch(() => undefined);
    return { number: this.number, bytes: this.#bytes };
  }
}
