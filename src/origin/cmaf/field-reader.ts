import { badMedia } from '../failure.js';

/**
 * Reads the fields of one box in order. Every read is checked against the box's end, so that foreign bytes can never make
 * us read a neighbour's fields: past the end it throws `origin.bad-box`.
 */
export class FieldReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #position: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = Math.min(end, bytes.length);
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  skip(count: number): void {
    this.#advance(count);
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  i32(): number {
    return this.#bytes.readInt32BE(this.#advance(4));
  }

  /** A 64-bit unsigned field. Above 2^53 - 1 it is refused: no honest clock or size is that large. */
  u64(): number {
    const value = this.#bytes.readBigUInt64BE(this.#advance(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw badMedia('origin.bad-box', 'a 64-bit field is absurdly large');
    return Number(value);
  }

  type(): string {
    const start = this.#advance(4);
    return this.#bytes.toString('latin1', start, start + 4);
  }

  bytes(count: number): Buffer {
    const start = this.#advance(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** Version and flags of a full box (ISO/IEC 14496-12 §4.2). */
  versionAndFlags(): { version: number; flags: number } {
    const word = this.u32();
    return { version: word >>> 24, flags: word & 0xffffff };
  }

  #advance(count: number): number {
    const start = this.#position;
    if (count < 0 || count > this.remaining) throw badMedia('origin.bad-box', 'a box ends in the middle of a field');
    this.#position = start + count;
    return start;
  }
}
