/**
 * One folder of the cache while it works: what is found in it, read from it and written to it.
 *
 * Lives from `open` (takes the folder's lock, and finds what is there) to `close` (everything that waits is written), or to `abandon`
 * (the folder cannot be read any more).
 */
import { messageOf } from '../../telemetry/failure.js';
import type { Unwritten } from './disk-metrics.js';
import type { DiskOptions } from './disk-options.js';
import { DiskWriter } from './disk-writer.js';
import { errnoOf } from './files.js';
import { lockFolder } from './folder-lock.js';
import type { NameHash } from './name-hash.js';
import { ObjectIndex, type Place } from './object-index.js';
import { listSegments, loadSegment, removeSegment, type Segment, type SegmentFolder } from './segment-file.js';
import { Corrupt, StoredRecord } from './stored-record.js';
import type { Draft } from './write-queue.js';

/** So many reads in a row, and it is the disk, not a place on it. */
const failuresMax = 3;

export interface OpenDiskOptions extends DiskOptions {
  /** Called once: it cannot be read any more. */
  readonly onBroken: (error: unknown) => void;
}

export class Disk {
  readonly #options: OpenDiskOptions;
  readonly #at: SegmentFolder;
  readonly #index: ObjectIndex;
  readonly #writer: DiskWriter;
  readonly #unlock: () => void;
  #failures = 0;
  #broken = false;

  /** Throws `edge-cache.disk-in-use`, or an error of the file system's. */
  static async open(options: OpenDiskOptions): Promise<Disk> {
    await options.files.makeFolder(options.folder);
    const unlock = lockFolder(options.folder);
    try {
      const at = { folder: options.folder, files: options.files, readMs: options.limits.readMs };
      const found = await load(at, options);
      return new Disk(options, at, found, unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  private constructor(options: OpenDiskOptions, at: SegmentFolder, found: Found, unlock: () => void) {
    this.#options = options;
    this.#at = at;
    this.#index = found.index;
    this.#unlock = unlock;
    const onGone = (error: unknown) => this.#break(error);
    this.#writer = new DiskWriter({ ...options, at, index: found.index, segments: found.segments, onGone });
    this.#writer.report();
  }

  get objects(): number {
    return this.#index.size;
  }

  get bytes(): number {
    return this.#writer.bytes;
  }

  get writable(): boolean {
    return this.#writer.writable;
  }

  get isFull(): boolean {
    return this.#writer.isFull;
  }

  has(hash: NameHash): boolean {
    return this.#index.has(hash);
  }

  /** Epoch ms; 0 where it has none of that hash. */
  freshUntil(hash: NameHash): number {
    return (this.#index.find(hash)?.freshUntilSec ?? 0) * 1000;
  }

  /** The record of that name, to be closed; null where there is none, or none that is right. Never rejects. */
  async read(hash: NameHash, name: string): Promise<StoredRecord | null> {
    const place = this.#index.find(hash);
    if (place === null) return null;
    try {
      const record = await StoredRecord.open(this.#at, place, hash);
      this.#failures = 0;
      if (record.meta.name === name) {
        this.#index.markRead(hash);
        return record;
      }
      await record.close();
      return null;
    } catch (error) {
      await this.#unreadable(hash, place, error);
      return null;
    }
  }

  /** Reading its body came to this. */
  async unreadable(hash: NameHash, error: unknown): Promise<void> {
    const place = this.#index.find(hash);
    if (place !== null) await this.#unreadable(hash, place, error);
  }

  /** Null: it will be written, if all goes well. */
  put(draft: Draft): Unwritten | null {
    return this.#writer.put(draft);
  }

  remove(hash: NameHash): void {
    this.#writer.remove(hash);
  }

  removeAll(): void {
    this.#writer.removeAll();
  }

  /** What is still to be removed from its files. */
  owed(): NameHash[] {
    return this.#writer.owed();
  }

  async close(): Promise<void> {
    await this.#writer.close();
    this.#unlock();
  }

  abandon(): void {
    this.#broken = true;
    this.#writer.abandon();
    this.#unlock();
  }

  async #unreadable(hash: NameHash, place: Place, error: unknown): Promise<void> {
    const found = this.#index.find(hash);
    // Its segment went while it was being read, or something newer came.
    if (found?.segment !== place.segment || found.offset !== place.offset) return;
    const { metrics, folder } = this.#options;
    if (error instanceof Corrupt) {
      metrics.corrupt(folder);
      this.#writer.remove(hash);
    } else if (errnoOf(error) === 'ENOENT') {
      await this.#vanished(place.segment, error);
    } else {
      metrics.failed(folder, 'read');
      this.#writer.remove(hash);
      this.#failures += 1;
      if (this.#failures >= failuresMax) this.#break(error);
    }
  }

  /** Of a segment's file, or the whole folder. */
  async #vanished(segment: number, error: unknown): Promise<void> {
    const { metrics, folder, log, files } = this.#options;
    const objects = this.#index.deleteSegment(segment);
    metrics.corrupt(folder);
    this.#writer.report();
    try {
      await files.device(folder);
      log.warn({ disk: folder, segment, objects }, 'a file of the cache disk is gone; what was in it is fetched anew');
    } catch {
      this.#break(error);
    }
  }

  #break(error: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#options.onBroken(error);
  }
}

interface Found {
  readonly index: ObjectIndex;
  readonly segments: Segment[];
}

/** Later segments count, and in each later records. */
async function load(at: SegmentFolder, { log, metrics, folder }: DiskOptions): Promise<Found> {
  const found: Found = { index: new ObjectIndex(), segments: [] };
  let failures = 0;
  for (const number of await listSegments(at)) {
    try {
      const { segment, entries } = await loadSegment(at, number);
      for (const { hash, ...place } of entries) {
        if (place.bytes === 0) found.index.delete(hash);
        else found.index.set(hash, { segment: number, ...place });
      }
      found.segments.push(segment);
    } catch (error) {
      failures += 1;
      metrics.failed(folder, 'read');
      if (failures >= failuresMax) throw error;
      log.warn(
        { disk: folder, segment: number, reason: messageOf(error) },
        'a file of the cache disk cannot be read; it is removed',
      );
      await removeSegment(at, number);
    }
  }
  return found;
}
