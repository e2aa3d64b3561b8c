/**
 * Everything that is written to one disk, in one order: batches of records, one behind the other, into its segments.
 *
 * States: writing (there is a batch under way) ↔ idle; → resting (a write failed; objects are refused, removals wait) → writing, when
 * somebody has something to write after the rest. Ends with `close` or `abandon`.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { messageOf } from '../../telemetry/failure.js';
import { diskFailure } from './disk-failure.js';
import type { Unwritten } from './disk-metrics.js';
import { errnoOf, within } from './files.js';
import { hashKey, type NameHash } from './name-hash.js';
import { blockBytes, blockOf, blocksOf, headerBytes, writeMeta } from './record.js';
import type { IndexEntry } from './segment-index.js';
import { Segments, type SegmentsOptions } from './segments.js';
import { type Draft, WriteQueue } from './write-queue.js';

export interface WriterOptions extends SegmentsOptions {
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
  readonly #segments: Segments;
  /** Taken from the queue and not settled yet; not `current`: they are out of date by now. */
  readonly #underWay = new Map<string, { readonly draft: Draft; current: boolean }>();
  #running: Promise<void> | null = null;
  #ended = false;
  #restMs: number;
  #restUntil = 0;
  #resting = false;
  #afterRest: NodeJS.Timeout | undefined;
  /** There was more to remove than is remembered. */
  #mustEmpty = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#queue = new WriteQueue(options.limits.queueBytesMax);
    this.#segments = new Segments(options);
    this.#restMs = options.limits.restMs;
  }

  get bytes(): number {
    return this.#segments.bytes;
  }

  get writable(): boolean {
    return !this.#ended && (!this.#resting || performance.now() >= this.#restUntil);
  }

  get isFull(): boolean {
    return this.#segments.isFull;
  }

  /** Null: it will be written, if all goes well. */
  put(draft: Draft): Unwritten | null {
    const refusal = this.#refusal(draft);
    if (refusal !== null) {
      draft.settled();
      return refusal;
    }
    this.#outdate(draft.hash);
    // Not to be found any more, though it is still there: what is written behind it counts, or a removal.
    this.#options.index.delete(draft.hash);
    this.#run();
    return null;
  }

  /** What the index had, or is being written. */
  remove(hash: NameHash): void {
    const wasWaiting = this.#queue.cancel(hash);
    const wasIndexed = this.#options.index.delete(hash);
    if (this.#outdate(hash) || wasIndexed || wasWaiting) this.#pushRemoval(hash);
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
    clearTimeout(this.#afterRest);
    await within(closeMs, this.#finish()).catch(() => undefined);
    this.#queue.clear();
  }

  /** Writes nothing more. */
  abandon(): void {
    this.#ended = true;
    clearTimeout(this.#afterRest);
    for (const draft of this.#queue.takeObjects()) draft.settled();
    this.#segments.abandon();
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
    if (this.#ended || !this.writable || (this.#queue.isEmpty && !this.#mustEmpty)) return;
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
      this.#run();
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
    await this.#segments.close();
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
      if (this.#segments.openWithRoom(bytes + next.bytes) === null) {
        await this.#append(composed);
        await this.#segments.roll();
        composed = [];
        bytes = 0;
      }
      composed.push(next);
      bytes += next.bytes;
    }
    await this.#append(composed);
  }

  async #append(composed: readonly Composed[]): Promise<void> {
    if (composed.length === 0) return;
    const segment = this.#segments.openWithRoom(0);
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
    this.#options.index.delete(draft.hash);
    if (!this.#queue.pushRemoval(draft.hash)) this.#mustEmpty = true;
    draft.settled();
  }

  async #empty(): Promise<void> {
    await this.#segments.empty();
    this.#mustEmpty = false;
    this.#options.log.warn(
      { disk: this.#options.folder },
      'more was removed while the cache disk failed than is remembered: it was emptied',
    );
  }

  async #failed(error: unknown, batch: readonly Draft[]): Promise<void> {
    const { metrics, folder, log } = this.#options;
    metrics.failed(folder, 'write');
    const first = !this.#resting;
    this.#rest();
    for (const draft of batch) if (!this.#isSettled(draft)) this.#lose(draft, 'disk-out');
    for (const draft of this.#queue.takeObjects()) this.#lose(draft, 'disk-out');
    await this.#segments.leaveOpen();
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') this.#options.onGone(error);
    if (!first || this.#ended) return;
    metrics.up(folder, { reads: true, writes: false });
    const { code, message, hint } = diskFailure(folder, `cannot be written: ${messageOf(error)}`, errnoOf(error));
    log.error({ disk: folder, code, hint }, `${message}; new objects stay in memory alone`);
  }

  /** Objects are refused meanwhile. What is to be removed is tried again after it, whether anything else comes or not. */
  #rest(): void {
    const { restMsMax } = this.#options.limits;
    this.#resting = true;
    this.#restUntil = performance.now() + this.#restMs;
    clearTimeout(this.#afterRest);
    this.#afterRest = setTimeout(() => this.#run(), this.#restMs + 1).unref();
    this.#restMs = Math.min(this.#restMs * 2, restMsMax);
  }

  /** Batches are settled in order, up to the one that failed. */
  #isSettled(draft: Draft): boolean {
    return draft.kind !== 'removal' && this.#underWay.get(hashKey(draft.hash))?.draft !== draft;
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
