import { badMedia } from '../failure.js';
import { FieldReader } from './field-reader.js';

/** A whole top-level box. `bytes` begins at its size field; its payload begins at `payloadStart`. */
export interface Box {
  readonly type: string;
  readonly bytes: Buffer;
  readonly payloadStart: number;
}

/** A box inside another's bytes: its payload is `[start, end)`. */
export interface ChildBox {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** Media data is large; everything else is a table about it and stays small. */
const MEDIA_BYTES_MAX = 32 * 1024 * 1024;
const TABLE_BYTES_MAX = 1024 * 1024;

interface Header {
  readonly type: string;
  readonly size: number;
  readonly headerBytes: number;
}

/**
 * Cuts a byte stream, given in pieces of any size, into its top-level boxes (ISO/IEC 14496-12 §4.2).
 *
 * Holds at most one unfinished box, bounded by the limits above. After a failure it must not be used again.
 */
export class BoxReader {
  #pieces: Buffer[] = [];
  #held = 0;
  #header: Header | null = null;

  /** The boxes that `piece` completes, in order. Throws `origin.bad-box` at a size that is impossible or over the limit. */
  *push(piece: Buffer): Generator<Box> {
    if (piece.length > 0) this.#pieces.push(piece);
    this.#held += piece.length;
    for (let box = this.#next(); box !== null; box = this.#next()) yield box;
  }

  /** True when no box is half read: the stream may end here. */
  get atBoundary(): boolean {
    return this.#held === 0;
  }

  #next(): Box | null {
    this.#header ??= this.#readHeader();
    const header = this.#header;
    if (header === null || this.#held < header.size) return null;
    this.#header = null;
    return { type: header.type, bytes: this.#take(header.size), payloadStart: header.headerBytes };
  }

  #readHeader(): Header | null {
    if (this.#held < 8) return null;
    const head = this.#peek(16);
    const short = head.readUInt32BE(0);
    if (short === 1 && head.length < 16) return null;
    const header = {
      type: head.toString('latin1', 4, 8),
      size: short === 1 ? new FieldReader(head, 8, 16).u64() : short,
      headerBytes: short === 1 ? 16 : 8,
    };
    checkSize(header);
    return header;
  }

  /** The first `count` bytes held, or fewer if that is all. */
  #peek(count: number): Buffer {
    const first = this.#pieces[0];
    if (first !== undefined && first.length >= count) return first.subarray(0, count);
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all];
    return all.subarray(0, count);
  }

  #take(count: number): Buffer {
    const first = this.#pieces[0];
    const whole = first !== undefined && first.length >= count ? first : Buffer.concat(this.#pieces);
    const rest = whole.subarray(count);
    const others = whole === first ? this.#pieces.slice(1) : [];
    this.#pieces = rest.length > 0 ? [rest, ...others] : others;
    this.#held -= count;
    return whole.subarray(0, count);
  }
}

function checkSize({ type, size, headerBytes }: Header): void {
  if (size < headerBytes) throw badMedia('origin.bad-box', `box ${printable(type)} says it is ${size} bytes long`);
  const limit = type === 'mdat' ? MEDIA_BYTES_MAX : TABLE_BYTES_MAX;
  if (size > limit) {
    throw badMedia('origin.bad-box', `box ${printable(type)} is ${size} bytes long, more than the limit of ${limit}`);
  }
}

/** The boxes that fill `[start, end)` exactly. Throws `origin.bad-box` where they do not. */
export function childBoxes(bytes: Buffer, start: number, end: number): ChildBox[] {
  const children: ChildBox[] = [];
  let position = start;
  while (position < end) {
    const fields = new FieldReader(bytes, position, end);
    const short = fields.u32();
    const type = fields.type();
    const size = short === 1 ? fields.u64() : short === 0 ? end - position : short;
    const headerBytes = short === 1 ? 16 : 8;
    if (size < headerBytes || size > end - position) {
      throw badMedia('origin.bad-box', `box ${printable(type)} does not fit into the box around it`);
    }
    children.push({ type, start: position + headerBytes, end: position + size });
    position += size;
  }
  return children;
}

/** The only child of that type; throws `origin.bad-box` when there is none or more than one. */
export function onlyChild(bytes: Buffer, parent: ChildBox, type: string): ChildBox {
  const found = childBoxes(bytes, parent.start, parent.end).filter((child) => child.type === type);
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw badMedia(
      'origin.bad-box',
      `box ${printable(parent.type)} has ${found.length} boxes ${type} where one belongs`,
    );
  }
  return first;
}

function printable(type: string): string {
  return /^[\x20-\x7e]{4}$/.test(type) ? `"${type}"` : `0x${Buffer.from(type, 'latin1').toString('hex')}`;
}
