/**
 * The segments of one disk: the open one, and those that are written to their end, oldest first. Room for another one is made here.
 *
 * What was asked for since it was written moves on into the open segment when its own goes, up to half of a segment each time: a second
 * chance, and no more, so that what is new gets in too.
 *
 * Lives as long as its disk is open: until `close` or `abandon`.
 */
import type { DiskOptions } from './disk-options.js';
import type { NameHash } from './name-hash.js';
import type { ObjectIndex, Place } from './object-index.js';
import { OpenSegment, removeSegment, type Segment, type SegmentFolder } from './segment-file.js';
import { StoredRecord } from './stored-record.js';

export interface SegmentsOptions extends DiskOptions {
  readonly at: SegmentFolder;
  readonly index: ObjectIndex;
  /** As found at the start, oldest first. */
  readonly segments: readonly Segment[];
}

export class Segments {
  readonly #options: SegmentsOptions;
  readonly #sealed: Segment[];
  #open: OpenSegment | null = null;
  #nextNumber: number;
  #sealedBytes: number;
  /** For room, since the start. */
  #hasFreed = false;
  #abandoned = false;

  constructor(options: SegmentsOptions) {
    this.#options = options;
    this.#sealed = [...options.segments];
    this.#nextNumber = (options.segments.at(-1)?.number ?? 0) + 1;
    this.#sealedBytes = options.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get bytes(): number {
    return this.#sealedBytes + (this.#open?.bytes ?? 0);
  }

  /** Whether what is written costs what is oldest: it has before, or the next segment will. */
  get isFull(): boolean {
    return this.#hasFreed || this.#sealedBytes + 3 * this.#options.limits.segmentBytes > this.#options.bytesMax;
  }

  /** Null where there is none, or none with so much room. */
  openWithRoom(bytes: number): OpenSegment | null {
    const open = this.#open;
    return open === null || open.bytes + bytes > this.#options.limits.segmentBytes ? null : open;
  }

  /** Another open segment, and the oldest out for the one after it. */
  async roll(): Promise<OpenSegment> {
    await this.#sealOpen();
    const { limits, bytesMax, at, index } = this.#options;
    const { segmentBytes } = limits;
    while (this.#sealed.length > 0 && this.#sealedBytes + segmentBytes > bytesMax) await this.#freeOldest();
    const open = await OpenSegment.create(at, this.#nextNumber);
    this.#nextNumber += 1;
    this.#open = open;
    const isOver = () => this.#sealedBytes + 2 * segmentBytes > bytesMax || index.size > limits.objectsMax;
    let movable = segmentBytes / 2;
    while (this.#sealed.length > 0 && isOver()) {
      this.#hasFreed = true;
      movable -= await this.#moveFromOldest(open, movable);
      await this.#freeOldest();
    }
    if (this.#abandoned) await this.leaveOpen();
    return open;
  }

  /** After a failed write: what was written before that stays, and is scanned at the next start. */
  async leaveOpen(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    const left = await open.abandon();
    if (left.bytes > 0) this.#keep(left);
    else await removeSegment(this.#options.at, left.number).catch(() => undefined);
  }

  /** Everything goes. */
  async empty(): Promise<void> {
    await this.#sealOpen();
    while (this.#sealed.length > 0) await this.#freeOldest();
    this.#hasFreed = false;
  }

  async close(): Promise<void> {
    await this.#sealOpen();
  }

  abandon(): void {
    this.#abandoned = true;
    void this.leaveOpen();
  }

  async #sealOpen(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open !== null) this.#keep(await open.seal());
  }

  #keep(segment: Segment): void {
    this.#sealed.push(segment);
    this.#sealedBytes += segment.bytes;
  }

  async #freeOldest(): Promise<void> {
    const oldest = this.#sealed.shift();
    if (oldest === undefined) return;
    const { index, metrics, folder, at } = this.#options;
    this.#sealedBytes -= oldest.bytes;
    metrics.evicted(folder, index.deleteSegment(oldest.number));
    await removeSegment(at, oldest.number);
  }

  /** The bytes that were moved. */
  async #moveFromOldest(into: OpenSegment, bytesMax: number): Promise<number> {
    const oldest = this.#sealed[0];
    if (oldest === undefined) return 0;
    const { index, now, metrics, folder } = this.#options;
    let moved = 0;
    for (const hash of index.inSegment(oldest.number, 'read')) {
      const place = index.find(hash);
      if (place === null || place.freshUntilSec * 1000 < now() || moved + place.bytes > bytesMax) continue;
      if (await this.#move(hash, place, into)) moved += place.bytes;
    }
    metrics.moved(folder, moved);
    metrics.wrote(folder, moved);
    return moved;
  }

  /** False: it cannot be read, or there is something newer by now; it goes with its segment. */
  async #move(hash: NameHash, place: Place, into: OpenSegment): Promise<boolean> {
    const { at, index } = this.#options;
    const buffers = await wholeRecord(at, place, hash);
    if (buffers === null || !isAt(index.find(hash), place)) return false;
    const { bytes, freshUntilSec } = place;
    const moved = { segment: into.number, offset: into.bytes, bytes, freshUntilSec };
    await into.append(buffers, [{ hash, offset: moved.offset, bytes, freshUntilSec }]);
    // Whatever came meanwhile is written behind this.
    if (isAt(index.find(hash), place)) index.set(hash, moved);
    return true;
  }
}

const isAt = (found: Place | null, place: Place): boolean =>
  found !== null && found.segment === place.segment && found.offset === place.offset;

/** As it was written; null where it is not what was written, or cannot be read. */
async function wholeRecord(at: SegmentFolder, place: Place, hash: NameHash): Promise<Uint8Array[] | null> {
  try {
    const record = await StoredRecord.open(at, place, hash);
    try {
      const buffers: Uint8Array[] = [Buffer.from(record.written)];
      for await (const bytes of record.body()) buffers.push(Buffer.from(bytes));
      return buffers;
    } finally {
      await record.close();
    }
  } catch {
    return null;
  }
}
