/**
 * Where each object of a disk is: a hash table in typed arrays, 25 bytes a slot and at most three slots in four taken, so a million
 * objects cost some 50 MB, and nothing of them is the garbage collector's business.
 *
 * Open addressing with linear probing; what is deleted leaves no mark, for those behind it move up. Lives as long as its disk.
 */
import type { NameHash } from './name-hash.js';

export interface Place {
  /** Number of the segment file, from 1. */
  readonly segment: number;
  readonly offset: number;
  /** Of the whole record. */
  readonly bytes: number;
  readonly freshUntilSec: number;
}

const firstSlots = 1024;

export class ObjectIndex {
  #size = 0;
  #bytes = 0;
  #columns = newColumns(firstSlots);

  get size(): number {
    return this.#size;
  }

  /** Of the records that can be found. */
  get bytes(): number {
    return this.#bytes;
  }

  has(hash: NameHash): boolean {
    return this.#columns.segment[this.#slotOf(hash.low, hash.high)] !== 0;
  }

  find(hash: NameHash): Place | null {
    const slot = this.#slotOf(hash.low, hash.high);
    return this.#columns.segment[slot] === 0 ? null : placeAt(this.#columns, slot);
  }

  set(hash: NameHash, place: Place): void {
    if ((this.#size + 1) * 4 > this.#columns.slots * 3) this.#grow();
    this.#put(hash.low, hash.high, place, 0);
  }

  /** For its second chance. */
  markRead(hash: NameHash): void {
    const slot = this.#slotOf(hash.low, hash.high);
    if (this.#columns.segment[slot] !== 0) this.#columns.read[slot] = 1;
  }

  delete(hash: NameHash): boolean {
    const slot = this.#slotOf(hash.low, hash.high);
    if (this.#columns.segment[slot] === 0) return false;
    this.#size -= 1;
    this.#bytes -= this.#columns.length[slot] ?? 0;
    this.#closeGap(slot);
    return true;
  }

  /** What lies in a segment. `read`: of that, what was read since it was written. */
  inSegment(segment: number, which: 'all' | 'read'): NameHash[] {
    const found: NameHash[] = [];
    for (let slot = 0; slot < this.#columns.slots; slot += 1) {
      if (this.#columns.segment[slot] !== segment || (which === 'read' && this.#columns.read[slot] === 0)) continue;
      found.push({ low: this.#columns.low[slot] ?? 0, high: this.#columns.high[slot] ?? 0 });
    }
    return found;
  }

  deleteSegment(segment: number): number {
    const gone = this.inSegment(segment, 'all');
    for (const hash of gone) this.delete(hash);
    return gone.length;
  }

  clear(): void {
    this.#columns = newColumns(firstSlots);
    this.#size = 0;
    this.#bytes = 0;
  }

  /** Its own slot, or the free one that it would take. */
  #slotOf(low: number, high: number): number {
    const columns = this.#columns;
    const mask = columns.slots - 1;
    let slot = low & mask;
    while (columns.segment[slot] !== 0 && (columns.low[slot] !== low || columns.high[slot] !== high)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #put(low: number, high: number, place: Place, read: number): void {
    const slot = this.#slotOf(low, high);
    const columns = this.#columns;
    if (columns.segment[slot] === 0) this.#size += 1;
    else this.#bytes -= columns.length[slot] ?? 0;
    this.#bytes += place.bytes;
    columns.low[slot] = low;
    columns.high[slot] = high;
    columns.segment[slot] = place.segment;
    columns.offset[slot] = place.offset;
    columns.length[slot] = place.bytes;
    columns.freshUntil[slot] = place.freshUntilSec;
    columns.read[slot] = read;
  }

  /** Those behind a gap move up, unless that would put them before the slot that their hash names. */
  #closeGap(from: number): void {
    const mask = this.#columns.slots - 1;
    let gap = from;
    for (let slot = (gap + 1) & mask; this.#columns.segment[slot] !== 0; slot = (slot + 1) & mask) {
      const home = (this.#columns.low[slot] ?? 0) & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      this.#copy(slot, gap);
      gap = slot;
    }
    this.#columns.segment[gap] = 0;
  }

  #copy(from: number, to: number): void {
    const { low, high, segment, offset, length, freshUntil, read } = this.#columns;
    for (const column of [low, high, segment, offset, length, freshUntil, read]) column[to] = column[from] ?? 0;
  }

  #grow(): void {
    const before = this.#columns;
    this.#columns = newColumns(before.slots * 2);
    this.#size = 0;
    this.#bytes = 0;
    for (let slot = 0; slot < before.slots; slot += 1) {
      if (before.segment[slot] === 0) continue;
      this.#put(before.low[slot] ?? 0, before.high[slot] ?? 0, placeAt(before, slot), before.read[slot] ?? 0);
    }
  }
}

interface Columns {
  readonly slots: number;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  /** 0: the slot is free. */
  readonly segment: Uint32Array;
  readonly offset: Uint32Array;
  readonly length: Uint32Array;
  readonly freshUntil: Uint32Array;
  /** 1: read since it was written. */
  readonly read: Uint8Array;
}

/** @param slots a power of two. */
function newColumns(slots: number): Columns {
  const column = () => new Uint32Array(slots);
  return {
    ...{ slots, low: column(), high: column(), segment: column(), offset: column() },
    ...{ length: column(), freshUntil: column(), read: new Uint8Array(slots) },
  };
}

const placeAt = (columns: Columns, slot: number): Place => ({
  segment: columns.segment[slot] ?? 0,
  offset: columns.offset[slot] ?? 0,
  bytes: columns.length[slot] ?? 0,
  freshUntilSec: columns.freshUntil[slot] ?? 0,
});
