/**
 * Everything that is written to one disk, in one order: batches of records behind one another into the open segment, and the oldest
 * segment out when there is no room for another. What was asked for since it was written moves on into the open one then, up to half
 * of a segment each time: a second chance, and no more, so that what is new gets in too.
 *
 * States: writing (there is a batch under way) ↔ idle; → resting (a write failed; objects are refused, removals wait) → writing, when
 * somebody has something to write after the rest. Ends with `close` or `abandon`.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { messageOf } from '../../telemetry/failure.js';
import { diskFailure } from './disk-failure.js';
import type { Unwritten } from './disk-metrics.js';
import type { DiskOptions } from './disk-options.js';
import { errnoOf, within } from './files.js';
import { hashKey, type NameHash } from './name-hash.js';
import type { ObjectIndex, Place } from './object-index.js';
import { blockBytes, blockOf, blocksOf, headerBytes, writeMeta } from './record.js';
import { OpenSegment, removeSegment, type Segment, type SegmentFolder } from './segment-file.js';
import type { IndexEntry } from './segment-index.js';
import { StoredRecord } from './stored-record.js';
import { type Draft, WriteQueue } from './write-queue.js';

export interface WriterOptions extends DiskOptions {
  readonly at: SegmentFolder;
  readonly index: ObjectIndex;
  /** As found at the start, oldest first. */
  readonly segments: Segment[];
  /** The folder is gone. */
  readonly onGone: (error: unknown) => void;
}

/** A record as bytes, not yet in a segment. */
interface Composed {
  readonly draft: Draft;
  readonly buffers: readonly Uint8Array[];
  readonly bytes: number;
}

const batchBytes = 8 * 1024 * 1024;
const checksumBytesAtOnce = 4 * blockBytes;
const closeMs = 5_000;

export class DiskWriter {
  readonly #options: WriterOptions;
  readonly #queue: WriteQueue;
  readonly #segments: Segment[];
  /** Taken from the queue and not settled yet; false: they are out of date by now. */
  readonly #underWay = new Map<string, { readonly draft: Draft; current: boolean }>();
  #open: OpenSegment | null = null;
  #nextNumber: number;
  #sealedBytes: number;
  #running: Promise<void> | null = null;
  #ended = false;
  #restMs: number;
  #restUntil = 0;
  #resting = false;
  #abandoned = false;
  /** For room, since the start. */
  #hasFreed = false;
  /** There was more to remove than is remembered. */
  #mustEmpty = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#queue = new WriteQueue(options.limits.queueBytesMax);
    this.#segments = options.segments;
    this.#nextNumber = (options.segments.at(-1)?.number ?? 0) + 1;
    this.#sealedBytes = options.segments.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#restMs = options.limits.restMs;
  }

  get bytes(): number {
    return this.#sealedBytes + (this.#open?.bytes ?? 0);
  }

  get writable(): boolean {
    return !this.#ended && (!this.#resting || performance.now() >= this.#restUntil);
  }

  /** Whether what is written costs what is oldest: it has before, or the next segment will. */
  get isFull(): boolean {
    return this.#hasFreed || this.#sealedBytes + 3 * this.#options.limits.segmentBytes > this.#options.bytesMax;
  }

  /** Null: it will be written, if all goes well. */
  put(draft: Draft): Unwritten | null {
    const refusal = this.#refusal(draft);
    if (refusal !== null) {
      draft.settled();
      return refusal;
    }
    this.#outdate(draft.hash);
    this.#run();
    return null;
  }

  /** What the index had, or is being written. */
  remove(hash: NameHash): void {
    this.#queue.cancel(hash);
    const wasIndexed = this.#options.index.delete(hash);
    if (this.#outdate(hash) || wasIndexed) this.#pushRemoval(hash);
    this.report();
  }

  removeAll(): void {
    this.#options.index.clear();
    this.#mustEmpty = true;
    for (const underWay of this.#underWay.values()) underWay.current = false;
    for (const draft of this.#queue.takeObjects()) draft.settled();
    this.#run();
  }

  /** What is to be removed and could not be yet. */
  owed(): NameHash[] {
    return [...this.#queue.removals(), ...[...this.#underWay.values()].map(({ draft }) => draft.hash)];
  }

  /** Writes what waits, and the index of the open segment; then it may still be slow, but not for long. */
  async close(): Promise<void> {
    this.#ended = true;
    await within(closeMs, this.#finish()).catch(() => undefined);
    this.#queue.clear();
  }

  /** Writes nothing more. */
  abandon(): void {
    this.#ended = true;
    this.#abandoned = true;
    for (const draft of this.#queue.takeObjects()) draft.settled();
    void this.#open?.abandon();
    this.#open = null;
  }

  report(): void {
    const { metrics, folder, index } = this.#options;
    metrics.holds(folder, { bytes: this.bytes, objects: index.size });
  }

  #refusal(draft: Draft): Unwritten | null {
    if (!this.writable) return 'disk-out';
    // Half a segment may be what moved there.
    if (bytesAtMost(draft) > this.#options.limits.segmentBytes / 2) return 'too-large';
    return this.#queue.push(draft) ? null : 'queue-full';
  }

  /** Whether that is under way. */
  #outdate(hash: NameHash): boolean {
    const underWay = this.#underWay.get(hashKey(hash));
    if (underWay !== undefined) underWay.current = false;
    return underWay !== undefined;
  }

  /** Too many to remember: then everything goes. */
  #pushRemoval(hash: NameHash): void {
    if (!this.#queue.pushRemoval(hash)) this.#mustEmpty = true;
    this.#run();
  }

  #run(): void {
    if (this.#ended || !this.writable) return;
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
      if (!this.#queue.isEmpty) this.#run();
    });
  }

  async #drain(): Promise<void> {
    do {
      const batch = this.#queue.take(batchBytes);
      for (const draft of batch) this.#underWay.set(hashKey(draft.hash), { draft, current: true });
      try {
        if (this.#mustEmpty) await this.#empty();
        await this.#write(batch);
        this.#wroteAgain();
      } catch (error) {
        await this.#failed(error, batch);
      }
      this.report();
    } while (!this.#queue.isEmpty && this.writable);
  }

  async #finish(): Promise<void> {
    await this.#running;
    // Where it rests, once more: removals may be waiting.
    if (!this.#queue.isEmpty) await this.#drain();
    while (!this.#resting && !this.#queue.isEmpty) await this.#drain();
    if (this.#open !== null) await this.#open.seal();
    this.#open = null;
  }

  async #write(batch: readonly Draft[]): Promise<void> {
    let composed: Composed[] = [];
    let bytes = 0;
    for (const draft of batch) {
      const next = await compose(draft);
      if (next === null) {
        this.#lose(draft, 'memory-needed');
        continue;
      }
      if (this.#open === null || this.#open.bytes + bytes + next.bytes > this.#options.limits.segmentBytes) {
        await this.#append(composed);
        await this.#roll();
        composed = [];
        bytes = 0;
      }
      composed.push(next);
      bytes += next.bytes;
    }
    await this.#append(composed);
  }

  async #append(composed: readonly Composed[]): Promise<void> {
    const segment = this.#open;
    if (composed.length === 0) return;
    if (segment === null) throw new Error('it was given up');
    let offset = segment.bytes;
    const entries = composed.map(({ draft, bytes }): IndexEntry => {
      const entry = {
        hash: draft.hash,
        offset,
        bytes: draft.kind === 'removal' ? 0 : bytes,
        freshUntilSec: draft.freshUntilSec,
      };
      offset += bytes;
      return entry;
    });
    await segment.append(
      composed.flatMap(({ buffers }) => buffers),
      entries,
    );
    const { metrics, folder } = this.#options;
    metrics.wrote(
      folder,
      composed.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    for (const [at, { draft }] of composed.entries()) this.#written(draft, segment.number, entries[at]);
  }

  /** From here on it can be found. */
  #written(draft: Draft, segment: number, entry: IndexEntry | undefined): void {
    const key = hashKey(draft.hash);
    const underWay = this.#underWay.get(key);
    if (underWay?.draft === draft) this.#underWay.delete(key);
    if (draft.kind !== 'removal' && entry !== undefined && underWay?.draft === draft && underWay.current) {
      const { offset, bytes, freshUntilSec } = entry;
      this.#options.index.set(draft.hash, { segment, offset, bytes, freshUntilSec });
    }
    draft.settled();
  }

  /** It will not be written: then what was there before it must not be found either, now or after a restart. */
  #lose(draft: Draft, why: Unwritten): void {
    const key = hashKey(draft.hash);
    if (this.#underWay.get(key)?.draft === draft) this.#underWay.delete(key);
    if (draft.kind !== 'removal') this.#options.metrics.unwritten(why);
    const wasIndexed = this.#options.index.delete(draft.hash);
    const mayBeThere = wasIndexed || why === 'disk-out';
    if (mayBeThere && !this.#queue.pushRemoval(draft.hash)) this.#mustEmpty = true;
    draft.settled();
  }

  /** Another segment, and the oldest out for the one after it. */
  async #roll(): Promise<void> {
    await this.#sealOpen();
    const { limits, bytesMax, at, index } = this.#options;
    const { segmentBytes } = limits;
    while (this.#segments.length > 0 && this.#sealedBytes + segmentBytes > bytesMax) await this.#freeOldest();
    this.#open = await OpenSegment.create(at, this.#nextNumber);
    this.#nextNumber += 1;
    let movable = segmentBytes / 2;
    if (this.#abandoned) throw new Error('it was given up');
    const isOver = () => this.#sealedBytes + 2 * segmentBytes > bytesMax || index.size > limits.objectsMax;
    while (this.#segments.length > 0 && isOver()) {
      this.#hasFreed = true;
      movable -= await this.#moveFromOldest(this.#open, movable);
      await this.#freeOldest();
    }
  }

  async #sealOpen(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    this.#keepSegment(await open.seal());
  }

  #keepSegment(segment: Segment): void {
    this.#segments.push(segment);
    this.#sealedBytes += segment.bytes;
  }

  async #freeOldest(): Promise<void> {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return;
    const { index, metrics, folder, at } = this.#options;
    this.#sealedBytes -= oldest.bytes;
    metrics.evicted(folder, index.deleteSegment(oldest.number));
    await removeSegment(at, oldest.number);
  }

  /** The bytes that were moved. */
  async #moveFromOldest(into: OpenSegment, bytesMax: number): Promise<number> {
    const oldest = this.#segments[0];
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

  async #empty(): Promise<void> {
    await this.#sealOpen();
    while (this.#segments.length > 0) await this.#freeOldest();
    this.#mustEmpty = false;
    this.#hasFreed = false;
    this.#options.log.warn(
      { disk: this.#options.folder },
      'more was removed while the cache disk failed than is remembered: it was emptied',
    );
  }

  async #failed(error: unknown, batch: readonly Draft[]): Promise<void> {
    const { metrics, folder, log, limits } = this.#options;
    metrics.failed(folder, 'write');
    for (const draft of [...batch, ...this.#queue.takeObjects()])
      if (!this.#isSettled(draft)) this.#lose(draft, 'disk-out');
    await this.#leaveSegment();
    const first = !this.#resting;
    this.#resting = true;
    this.#restUntil = performance.now() + this.#restMs;
    this.#restMs = Math.min(this.#restMs * 2, limits.restMsMax);
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') this.#options.onGone(error);
    if (!first || this.#ended) return;
    metrics.up(folder, { reads: true, writes: false });
    const { code, message, hint } = diskFailure(folder, `cannot be written: ${messageOf(error)}`, errnoOf(error));
    log.error({ disk: folder, code, hint }, `${message}; new objects stay in memory alone`);
  }

  /** Batches are settled in order, up to the one that failed. */
  #isSettled(draft: Draft): boolean {
    return draft.kind !== 'removal' && this.#underWay.get(hashKey(draft.hash))?.draft !== draft;
  }

  async #leaveSegment(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    const left = await open.abandon();
    if (left.bytes > 0) this.#keepSegment(left);
    else await removeSegment(this.#options.at, left.number).catch(() => undefined);
  }

  #wroteAgain(): void {
    if (!this.#resting) return;
    const { metrics, folder, log, limits } = this.#options;
    this.#resting = false;
    this.#restMs = limits.restMs;
    metrics.up(folder, { reads: true, writes: true });
    log.info({ disk: folder }, 'the cache disk takes new objects again');
  }
}

/** Characters of four bytes, and a checksum for each block. */
const bytesAtMost = ({ name, head, bodyBytes }: Draft): number =>
  bodyBytes + 4 * (name.length + head.length + blocksOf(bodyBytes)) + headerBytes;

const isAt = (found: Place | null, place: Place): boolean =>
  found !== null && found.segment === place.segment && found.offset === place.offset;

/** Null: its body is gone, or its head is longer than what is read back. */
async function compose(draft: Draft): Promise<Composed | null> {
  const body = draft.body();
  if (body === null || body.length !== draft.bodyBytes) return null;
  const blockChecksums = await checksumsOf(body);
  const meta = writeMeta({ ...draft, blockChecksums });
  return meta === null || draft.body() === null
    ? null
    : { draft, buffers: [meta, body], bytes: meta.length + body.length };
}

/** A MiB a turn: a third of a millisecond, in which no request is served. */
async function checksumsOf(body: Uint8Array): Promise<number[]> {
  const checksums: number[] = [];
  for (let block = 0; block < blocksOf(body.length); block += 1) {
    if (block > 0 && (block * blockBytes) % checksumBytesAtOnce === 0) await nextTurn();
    checksums.push(crc32(blockOf(body, block)));
  }
  return checksums;
}

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
