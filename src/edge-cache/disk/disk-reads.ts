/**
 * Reads from the disks into memory, one for each name at a time, shared by all that ask meanwhile.
 *
 * A read lives from `start` until its object is whole or has failed. Bounded by the room that memory has for what comes in, and each
 * call of the system by the disk's deadline.
 */
import { CachedObject, holdForTurn, type Room, type StoredHead } from '../memory/cached-object.js';
import { freshForMs } from '../semantics/freshness.js';
import type { Variation } from '../variant-index.js';
import type { Disk } from './disk.js';
import type { NameHash } from './name-hash.js';
import { readStoredHead, readVariation } from './object-draft.js';
import { Corrupt, type StoredRecord } from './stored-record.js';

/** Where what is read goes. */
export interface Memory extends Room {
  put(object: CachedObject): void;
}

export type DiskFound =
  /** `whole` resolves when all of it has been read, or that has failed; it never rejects. */
  | { readonly kind: 'object'; readonly object: CachedObject; readonly whole: Promise<void> }
  /** What is kept under this address varies. */
  | { readonly kind: 'variation'; readonly lists: readonly Variation[] };

interface Read {
  readonly found: Promise<DiskFound | null>;
  /** False once its name was removed, or something newer stored: what it brings must not be kept. */
  keep: boolean;
}

/** What is kept of a record's head now; null: nothing of the record. */
export type Judge = (name: string, head: StoredHead) => StoredHead | null;

/** Up to here a body is read whole before anybody gets any of it: a wrong checksum is then a miss, and no cut answer. */
const wholeBytesMax = 4 * 1024 * 1024;

export class DiskReads {
  readonly #now: () => number;
  readonly #judge: Judge;
  readonly #byName = new Map<string, Read>();
  readonly #brought = new WeakSet<CachedObject>();

  constructor(now: () => number, judge: Judge) {
    this.#now = now;
    this.#judge = judge;
  }

  underWay(name: string): Promise<DiskFound | null> | undefined {
    return this.#byName.get(name)?.found;
  }

  /** It came from a disk: it need not go there. */
  hasBrought(object: CachedObject): boolean {
    return this.#brought.has(object);
  }

  /** What is under way under this name is out of date. */
  outdate(name: string): void {
    const read = this.#byName.get(name);
    if (read === undefined) return;
    read.keep = false;
    this.#byName.delete(name);
  }

  /** Null: it is not there after all, not right, or memory has no room for it. Never rejects. */
  start(disk: Disk, hash: NameHash, name: string, memory: Memory): Promise<DiskFound | null> {
    const read: Read = {
      found: Promise.resolve().then(() => this.#find(disk, hash, name, { memory, read })),
      keep: true,
    };
    this.#byName.set(name, read);
    return read.found;
  }

  async #find(
    disk: Disk,
    hash: NameHash,
    name: string,
    into: { memory: Memory; read: Read },
  ): Promise<DiskFound | null> {
    const record = await disk.read(hash, name);
    if (record?.header.kind === 'object') return this.#object(disk, record, into);
    this.#over(name, into.read);
    if (record === null) return null;
    await record.close();
    const lists = readVariation(record.meta.head);
    return lists === null ? null : { kind: 'variation', lists };
  }

  async #object(disk: Disk, record: StoredRecord, into: { memory: Memory; read: Read }): Promise<DiskFound | null> {
    const { hash, bodyBytes: length } = record.header;
    const { name: key } = record.meta;
    const written = readStoredHead(record.meta.head);
    const head = written && this.#judge(key, written);
    const object = head === null ? null : CachedObject.open({ key, head, length, bytesMax: length, room: into.memory });
    if (written === null) await disk.unreadable(hash, new Corrupt());
    else if (head === null) disk.remove(hash);
    if (object === null) {
      this.#over(key, into.read);
      await record.close();
      return null;
    }
    const whole = this.#pull(disk, record, object, into);
    const atOnce = length > wholeBytesMax && freshForMs(object.head.freshness, this.#now()) > 0;
    if (!atOnce) await whole;
    // Those that wait for it read it in this turn, or begin to.
    holdForTurn(object);
    return object.phase === 'failed' ? null : { kind: 'object', object, whole };
  }

  async #pull(
    disk: Disk,
    record: StoredRecord,
    object: CachedObject,
    { memory, read }: { memory: Memory; read: Read },
  ): Promise<void> {
    try {
      for await (const bytes of record.body()) void object.append(bytes);
      object.complete();
    } catch (error) {
      object.fail();
      await disk.unreadable(record.header.hash, error);
    }
    await record.close();
    if (object.phase === 'complete' && read.keep) {
      this.#brought.add(object);
      memory.put(object);
    } else object.letGo();
    this.#over(object.key, read);
  }

  #over(name: string, read: Read): void {
    if (this.#byName.get(name) === read) this.#byName.delete(name);
  }
}
