/** One segment; times in ticks of its track. */
export interface SegmentRow {
  readonly start: number;
  readonly duration: number;
  /** 0: a gap, nothing stands at its address. */
  readonly bytes: number;
}

/** Segments of the same length that follow one another. */
export interface EvenRows {
  /** The first one's. */
  readonly number: number;
  readonly start: number;
  /** Of each. */
  readonly duration: number;
  count: number;
}

const FIRST_ROOM = 64;

/**
 * The segments of one rendition in one run, in the order of their numbers and without a hole: 16 bytes for each, so that a
 * day of six renditions takes some megabytes.
 */
export class SegmentColumns {
  /** Changes whenever a row that stood there already does. */
  edits = 0;
  #start = new Float64Array(FIRST_ROOM);
  #duration = new Uint32Array(FIRST_ROOM);
  #bytes = new Uint32Array(FIRST_ROOM);
  #first: number;
  #length = 0;

  constructor(firstNumber: number) {
    this.#first = firstNumber;
  }

  /** The number of the first row. */
  get first(): number {
    return this.#first;
  }

  /** The number behind the last row. */
  get next(): number {
    return this.#first + this.#length;
  }

  push({ start, duration, bytes }: SegmentRow): void {
    if (this.#length === this.#start.length) this.#resize(2 * this.#length, 0);
    this.#start[this.#length] = start;
    this.#duration[this.#length] = duration;
    this.#bytes[this.#length] = bytes;
    this.#length += 1;
  }

  at(number: number): SegmentRow | null {
    const index = number - this.#first;
    if (index < 0 || index >= this.#length) return null;
    return {
      start: this.#start[index] ?? 0,
      duration: this.#duration[index] ?? 0,
      bytes: this.#bytes[index] ?? 0,
    };
  }

  *[Symbol.iterator](): Generator<SegmentRow> {
    for (let number = this.first; number < this.next; number += 1) {
      const row = this.at(number);
      if (row !== null) yield row;
    }
  }

  /** From a number on, but not to `end`: up to the first gap. Made without an object for each row. */
  evenRows(from: number, end: number): EvenRows[] {
    const found: EvenRows[] = [];
    let last: EvenRows | null = null;
    const begin = Math.max(from, this.first) - this.#first;
    for (let index = begin; index < Math.min(end, this.next) - this.#first; index += 1) {
      if (this.#bytes[index] === 0) break;
      const [start, duration] = [this.#start[index] ?? 0, this.#duration[index] ?? 0];
      if (last !== null && last.duration === duration && last.start + last.count * duration === start) last.count += 1;
      else {
        last = { number: this.#first + index, start, duration, count: 1 };
        found.push(last);
      }
    }
    return found;
  }

  /** What was announced there is nowhere any more. */
  markGap(number: number): void {
    const index = number - this.#first;
    if (index < 0 || index >= this.#length || this.#bytes[index] === 0) return;
    this.#bytes[index] = 0;
    this.edits += 1;
  }

  /** Forgets the rows before a number. */
  dropBefore(number: number): void {
    const count = Math.min(Math.max(0, number - this.#first), this.#length);
    if (count === 0) return;
    this.#resize(Math.max(FIRST_ROOM, this.#start.length - count), count);
    this.#first += count;
    this.#length -= count;
  }

  #resize(room: number, from: number): void {
    const moved = <Column extends Float64Array | Uint32Array>(column: Column, into: Column): Column => {
      into.set(column.subarray(from, this.#length));
      return into;
    };
    this.#start = moved(this.#start, new Float64Array(room));
    this.#duration = moved(this.#duration, new Uint32Array(room));
    this.#bytes = moved(this.#bytes, new Uint32Array(room));
  }
}
