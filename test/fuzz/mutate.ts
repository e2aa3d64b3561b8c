import type { Random } from './random.js';

export interface MutateOptions {
  /** Changes at most; at least one is made. */
  readonly changesMax?: number;
  /** Where the bytes are records of this length, half of the changes go to the records' first bytes. */
  readonly stride?: number;
  /** Other inputs of the same kind, to take pieces from. */
  readonly others?: readonly Buffer[];
}

type Change = (random: Random, bytes: Buffer, at: number, others: readonly Buffer[]) => Buffer;

const HEAD_BYTES = 32;
const PIECE_BYTES_MAX = 600;
/** What is most often at the edge of a length, a count or a sign. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 188, 254, 255];
const WORDS = [0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffff, 0xffffff, 0x7fffffff];

const setByte: Change = (random, bytes, at) => {
  bytes[at] = random.once(2) ? random.pick(EDGES) : random.below(256);
  return bytes;
};
const flipBit: Change = (random, bytes, at) => {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
};
const setWord: Change = (random, bytes, at) => {
  const width = Math.min(1 + random.below(4), bytes.length - at);
  const value = random.pick(random.once(2) ? WORDS : [bytes.length, bytes.length - at, 0xffffffff, random.next()]);
  if (width > 0) bytes.writeUIntBE(value % 2 ** (8 * width), at, width);
  return bytes;
};
const remove: Change = (random, bytes, at) => {
  const end = Math.min(bytes.length, at + 1 + random.below(random.once(4) ? PIECE_BYTES_MAX : 8));
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
};
const repeat: Change = (random, bytes, at) => {
  const end = Math.min(bytes.length, at + 1 + random.below(PIECE_BYTES_MAX));
  const times = 1 + random.below(random.once(8) ? 20 : 2);
  const pieces = Array.from({ length: times }, () => bytes.subarray(at, end));
  return Buffer.concat([bytes.subarray(0, at), ...pieces, bytes.subarray(at)]);
};
const insert: Change = (random, bytes, at) => {
  return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(24)), bytes.subarray(at)]);
};
const splice: Change = (random, bytes, at, others) => {
  const other = others.length === 0 ? bytes : random.pick(others);
  const from = random.below(other.length);
  const piece = other.subarray(from, from + 1 + random.below(PIECE_BYTES_MAX));
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + (random.once(2) ? piece.length : 0))]);
};
const truncate: Change = (_random, bytes, at) => bytes.subarray(0, at);
const CHANGES = [setByte, setByte, flipBit, flipBit, setWord, setWord, remove, repeat, insert, splice, truncate];

/** A copy of `original` with some of its bytes changed, moved, taken out, repeated or put in. */
export function mutate(random: Random, original: Buffer, options: MutateOptions = {}): Buffer {
  const { changesMax = 6, stride = 0, others = [] } = options;
  let bytes: Buffer = Buffer.from(original);
  for (let left = 1 + random.below(changesMax); left > 0; left--) {
    bytes = random.pick(CHANGES)(random, bytes, place(random, bytes.length, stride), others);
  }
  return bytes;
}

/** Heads decide how the rest is read: they get more than their share. */
function place(random: Random, length: number, stride: number): number {
  if (random.once(2)) return random.below(length);
  const record = stride === 0 ? 0 : random.below(Math.ceil(length / stride)) * stride;
  return Math.min(Math.max(0, length - 1), record + random.below(HEAD_BYTES));
}

/** The bytes in pieces, cut anywhere. */
export function cut(random: Random, bytes: Buffer, piecesMax: number): Buffer[] {
  const cuts = Array.from({ length: random.below(piecesMax) }, () => random.below(bytes.length)).sort((a, b) => a - b);
  return [...cuts, bytes.length].map((end, piece) => bytes.subarray(piece === 0 ? 0 : cuts[piece - 1], end));
}
