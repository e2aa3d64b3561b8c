/**
 * One answer of the upstream, kept or on its way to being kept, that any number of readers follow byte by byte.
 *
 * Phases: `filling` → `complete` (by `complete`: every byte is here, for good)
 *                   → `failed` (by `fail`: the rest will not come; readers are cut; never kept)
 *                   → `overflowed` (by `append`: it outgrew what may be held; it goes on as a stream for the readers that it
 *                     has, who hold it up together, and is never kept) → `complete` or `failed`.
 * A complete object can still fail: when its memory is needed after it was evicted, and when it was let go and nobody reads it.
 *
 * Its bytes are given back once nobody keeps it (`letGo`, or it failed) and its last reader has left: so whoever hands out a view must have a reader
 * until the view is done with, be it in the same turn. Bounded: at most `bytesMax` are held, and every byte of capacity is asked of `room` first.
 */

import type { Freshness } from '../semantics/freshness.js';
import type { HeaderPairs } from '../semantics/header-fields.js';
import { BodyReader } from './body-reader.js';
import { allot, copyInto, type Extents, empty, nothing, type Place } from './place.js';
import type { Extent } from './slabs.js';

export type Phase = 'filling' | 'overflowed' | 'complete' | 'failed';

/** What is kept of an answer's head. */
export interface StoredHead {
  readonly status: number;
  /** End-to-end fields, without Age, Content-Length and Cache-Status. */
  readonly headers: HeaderPairs;
  /** The Cache-Status of caches further up; `''` when there was none. */
  readonly upstreamStatus: string;
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** When the upstream made it, epoch ms. */
  readonly date: number;
  readonly freshness: Freshness;
}

/** Where memory is asked for. */
export interface Room {
  /** Counts so many bytes. False: there is no more to be had. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
  /** Where the bytes themselves come from. Default: the heap, to which nothing is given back. */
  readonly extents?: Extents;
}

/** That other threads read it too. */
export interface Loan {
  /** How often they did since it was last forgotten, up to 3. */
  readonly uses: number;
  forgetUses(): void;
  /** Nobody begins to read it any more; calls back once nobody reads it there, perhaps at once. */
  end(idle: () => void): void;
  /** After its end: who still reads is to be cut. */
  cut(): void;
}

export interface ObjectOptions {
  readonly key: string;
  readonly head: StoredHead;
  /** From Content-Length; null when it is not known yet. */
  readonly length: number | null;
  readonly bytesMax: number;
  readonly room: Room;
}

const firstCapacity = 64 * 1024;
const movedBytesMax = 1024 * 1024;
/** What a kept object takes of V8's heap beside its texts, and for each field: rather more than was measured (docs/performance.md). */
const headOverhead = 900;
const fieldOverhead = 64;
/** What nobody reads, has none. */
const nobody: ReadonlySet<never> = new Set<never>();

export class CachedObject {
  readonly key: string;
  /** Null: it is not lent. For whoever lends it. */
  loan: Loan | null = null;
  /** For whoever keeps it: what of its weight counts as head. */
  keptHeadBytes = 0;
  #head: StoredHead;
  #uses = 0;
  /** Loans that have ended, and are still read. */
  #ending: Set<Loan> | null = null;
  readonly #bytesMax: number;
  readonly #room: Room;
  #readers: Set<BodyReader> | null = null;
  #phase: Phase = 'filling';
  #bytes: Buffer;
  /** Where they are; null: in the heap. */
  #extent: Extent | null;
  /** Where they were before there were more: views on it may still be read. */
  #outgrown: Extent[] = [];
  #isLetGo = false;
  /** Body offset of the first byte in `#bytes`: 0 until it overflows. */
  #base = 0;
  #filled = 0;
  #length: number | null;
  /** Asked of `room` and not given back yet. */
  #reserved: number;
  #onIdle: (() => void) | null = null;
  #drained: (() => void) | null = null;

  /** Null when there is no room for it, or it is known to be too large. */
  static open(options: ObjectOptions): CachedObject | null {
    const capacity = options.length ?? Math.min(firstCapacity, options.bytesMax);
    if (capacity > options.bytesMax || !options.room.take(capacity)) return null;
    const place = allot(options.room.extents, capacity);
    if (place !== null) return new CachedObject(options, place);
    options.room.giveBack(capacity);
    return null;
  }

  private constructor(options: ObjectOptions, { bytes, extent }: Place) {
    this.key = options.key;
    this.#head = options.head;
    this.#length = options.length;
    this.#bytesMax = options.bytesMax;
    this.#room = options.room;
    this.#reserved = bytes.length;
    this.#bytes = bytes;
    this.#extent = extent;
  }

  /** One that is whole, in memory that somebody else owns and keeps. */
  static whole(key: string, head: StoredHead, bytes: Buffer): CachedObject {
    const options = { key, head, length: bytes.length, bytesMax: bytes.length, room: elsewhere };
    const object = new CachedObject(options, { bytes, extent: null });
    object.#filled = bytes.length;
    object.#phase = 'complete';
    return object;
  }

  get head(): StoredHead {
    return this.#head;
  }

  /** Whoever was lent the old one must come back for the new one. */
  set head(head: StoredHead) {
    this.#head = head;
    this.endLoan();
  }

  /** For whoever keeps it: how often it was used of late. */
  get uses(): number {
    return this.#uses + (this.loan?.uses ?? 0);
  }

  set uses(uses: number) {
    this.#uses = uses;
    this.loan?.forgetUses();
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Body bytes that have arrived. */
  get filled(): number {
    return this.#filled;
  }

  /** The length of the whole body, or null while it is not known. */
  get length(): number | null {
    return this.#length;
  }

  /** What it costs to keep, in bytes, head included. */
  get weight(): number {
    return this.#bytes.length + this.headWeight;
  }

  /** What of that is in V8's heap. */
  get headWeight(): number {
    let bytes = headOverhead + this.key.length;
    for (const [name, value] of this.head.headers) bytes += fieldOverhead + name.length + value.length;
    return bytes;
  }

  get hasReaders(): boolean {
    return this.#readers !== null || this.#ending !== null;
  }

  /** Adds the next bytes; when it returns a promise, wait for it before the next (only ever once it has overflowed). */
  append(chunk: Uint8Array): void | Promise<void> {
    if (this.#phase === 'filling' && !this.#fits(chunk.length)) this.#phase = 'overflowed';
    if (this.#phase === 'overflowed') return this.#passOn(chunk);
    if (this.#phase !== 'filling') return;
    copyInto(this.#bytes, this.#filled, chunk);
    this.#filled += chunk.length;
    this.#wake();
  }

  /** Every byte has come. False when it is not as long as announced: then it has failed. Call `release` once it is kept, or not. */
  complete(): boolean {
    if (this.#phase !== 'filling' && this.#phase !== 'overflowed') return false;
    if (this.#length !== null && this.#length !== this.#filled) {
      this.fail();
      return false;
    }
    this.#length = this.#filled;
    if (this.#phase === 'filling') this.#trim();
    this.#phase = 'complete';
    this.#wake();
    return true;
  }

  /** Cuts its readers; its memory goes with the last of them. */
  fail(): void {
    if (this.#phase === 'failed') return;
    this.#phase = 'failed';
    this.#bytes = empty;
    this.letGo();
    for (const loan of this.#ending ?? nobody) loan.cut();
    this.#wake();
    this.#drained?.();
  }

  /** Nobody keeps it, or no longer: it is gone with its last reader. */
  letGo(): void {
    this.release();
    this.endLoan();
    this.#isLetGo = true;
    if (!this.hasReaders) this.#vanish();
  }

  /** Nobody else begins to read it. */
  endLoan(): void {
    const { loan } = this;
    if (loan === null) return;
    this.#uses += loan.uses;
    this.loan = null;
    this.#ending = (this.#ending ?? new Set()).add(loan);
    loan.end(() => {
      this.#ending = without(this.#ending, loan);
      this.#perhapsIdle();
    });
  }

  /** Gives back the count that it asked of `room`: somebody else counts it now. */
  release(): void {
    this.#room.giveBack(this.#reserved);
    this.#reserved = 0;
  }

  /** The bytes that are here from `offset` on, at most up to `end`; empty when there are none yet. */
  view(offset: number, end: number): Uint8Array {
    // All of it, as thousands may want in one turn: no view of a view for each.
    if (offset === 0 && this.#base === 0 && end === this.#filled && end === this.#bytes.length) return this.#bytes;
    const from = Math.max(0, offset - this.#base);
    const to = Math.min(end, this.#filled) - this.#base;
    return this.#bytes.subarray(from, Math.max(from, to));
  }

  /** `from`: the first body byte that it will want. Close it when done. */
  openReader(from: number): BodyReader {
    const reader = new BodyReader(from, { moved: () => this.#advanced(), left: () => this.#left(reader) });
    this.#readers = (this.#readers ?? new Set()).add(reader);
    return reader;
  }

  /** Called each time the last reader has left. Replaces the listener before it. */
  whenIdle(listener: (() => void) | null): void {
    this.#onIdle = listener;
  }

  #fits(chunk: number): boolean {
    const needed = this.#filled + chunk;
    if (needed <= this.#bytes.length) return true;
    if (needed > this.#bytesMax) return false;
    const capacity = Math.min(this.#bytesMax, Math.max(needed, this.#bytes.length * 2));
    const more = capacity - this.#bytes.length;
    if (!this.#room.take(more)) return false;
    const place = allot(this.#room.extents, capacity);
    if (place === null) {
      this.#room.giveBack(more);
      return false;
    }
    this.#reserved = capacity;
    this.#moveTo(place);
    return true;
  }

  /**
   * Its length was not known, and doubling left some to spare. What is worth copying goes where it fits: a hole behind each small body, too small for the
   * next one to begin in, would take most of the memory.
   */
  #trim(): void {
    const capacity = this.#bytes.length;
    if (capacity === this.#filled) return;
    const isWorthMoving = this.#filled <= movedBytesMax && capacity - this.#filled > capacity / 8;
    const place = isWorthMoving || this.#extent === null ? allot(this.#room.extents, this.#filled) : null;
    if (place !== null) this.#moveTo(place);
    else if (this.#extent !== null && this.#room.extents !== undefined) {
      this.#extent = this.#room.extents.shrink(this.#extent, this.#filled);
      this.#bytes = this.#extent.bytes;
    }
    this.#keepReserved(this.#filled);
  }

  #keepReserved(bytes: number): void {
    if (bytes >= this.#reserved) return;
    this.#room.giveBack(this.#reserved - bytes);
    this.#reserved = bytes;
  }

  #moveTo({ bytes, extent }: Place): void {
    bytes.set(this.#bytes.subarray(0, this.#filled));
    this.#outgrow({ bytes, extent });
  }

  #outgrow({ bytes, extent }: Place): void {
    if (this.#extent !== null) this.#outgrown.push(this.#extent);
    this.#bytes = bytes;
    this.#extent = extent;
    if (!this.hasReaders) this.#giveOutgrown();
  }

  #giveOutgrown(): void {
    for (const extent of this.#outgrown) this.#room.extents?.give(extent);
    this.#outgrown = [];
  }

  /** Nobody will read it any more. */
  #vanish(): void {
    this.#phase = 'failed';
    this.#outgrow(nothing);
  }

  /** Once overflowed, a chunk replaces what is held as soon as every reader has had that. */
  async #passOn(chunk: Uint8Array): Promise<void> {
    this.#wake();
    if (!this.#everyoneHasAll()) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
      this.#drained = null;
    }
    if (this.#phase !== 'overflowed') return;
    // Not into the old memory: views on it may still wait in a socket's buffer.
    this.#outgrow({ bytes: Buffer.from(chunk), extent: null });
    this.#keepReserved(chunk.length);
    this.#base = this.#filled;
    this.#filled += chunk.length;
    this.#wake();
  }

  #everyoneHasAll(): boolean {
    for (const reader of this.#readers ?? nobody) if (reader.at < this.#filled) return false;
    return true;
  }

  /** An overflowed body may go on when every reader has moved on. */
  #advanced(): void {
    if (this.#drained !== null && this.#everyoneHasAll()) this.#drained();
  }

  #left(reader: BodyReader): void {
    this.#readers = without(this.#readers, reader);
    this.#advanced();
    this.#perhapsIdle();
  }

  #perhapsIdle(): void {
    if (this.hasReaders) return;
    this.#giveOutgrown();
    if (this.#isLetGo) this.#vanish();
    this.#onIdle?.();
  }

  #wake(): void {
    for (const reader of this.#readers ?? nobody) reader.wake();
  }
}

/** Null once it is empty: of many objects few are read, and an empty set has room for four. */
function without<Member>(set: Set<Member> | null, member: Member): Set<Member> | null {
  set?.delete(member);
  return set?.size === 0 ? null : set;
}

/** Nothing is asked of it. */
const elsewhere: Room = { take: () => false, giveBack: () => {} };

/** It stays as it is until the end of this turn, for whoever waits for something that this turn resolves. */
export function holdForTurn(object: CachedObject): void {
  const reader = object.openReader(object.filled);
  setImmediate(() => reader.close());
}
