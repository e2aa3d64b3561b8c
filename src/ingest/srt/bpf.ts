/**
 * A small assembler for the packet filters that Linux runs on a socket's datagrams before anybody reads them ("classic BPF":
 * Documentation/networking/filter.rst). The filter's answer is how many bytes pass: none, or all.
 *
 * A load from behind the datagram's end answers "none" by itself. There is an accumulator, which all tests look at, and an
 * index register.
 */
export interface Instruction {
  readonly code: number;
  /** Instructions to skip where a test holds, and where it doesn't: 0 to 255. */
  readonly ifSo: number;
  readonly ifNot: number;
  readonly value: number;
}

/** Bytes of a struct sock_filter. */
const INSTRUCTION_BYTES = 8;
const ALL = 0xffffffff;

/** linux/bpf_common.h and linux/filter.h. */
const CODE = {
  loadWord: 0x20,
  loadHalf: 0x28,
  loadHalfIndexed: 0x48,
  loadLength: 0x80,
  indexFromConstant: 0x01,
  indexFromMemory: 0x61,
  storeMemory: 0x02,
  add: 0x04,
  addIndex: 0x0c,
  shiftLeft: 0x64,
  and: 0x54,
  jump: 0x05,
  ifEqual: 0x15,
  ifAbove: 0x25,
  ifAtLeast: 0x35,
  ifAnyBit: 0x45,
  ifEqualIndex: 0x1d,
  ifAtLeastIndex: 0x3d,
  answer: 0x06,
} as const;

/** What a test asks of the accumulator, as an unsigned number. */
export type Test =
  | { readonly is: number }
  | { readonly above: number }
  | { readonly atLeast: number }
  /** Any of these bits is set. */
  | { readonly anyOf: number }
  | 'is the index'
  | 'is at least the index';

/** Into the accumulator, from the datagram, whose UDP header comes first. Big-endian, as all of it. */
export const word = (at: number) => instruction(CODE.loadWord, at);
export const half = (at: number) => instruction(CODE.loadHalf, at);
export const halfAtIndex = (offset: number) => instruction(CODE.loadHalfIndexed, offset);
/** The datagram's length, UDP header and all. */
export const length = instruction(CODE.loadLength, 0);

export const index = (value: number) => instruction(CODE.indexFromConstant, value);
export const indexFromMemory = instruction(CODE.indexFromMemory, 0);
export const store = instruction(CODE.storeMemory, 0);
export const add = (value: number) => instruction(CODE.add, value);
export const addIndex = instruction(CODE.addIndex, 0);
export const shiftLeft = (bits: number) => instruction(CODE.shiftLeft, bits);
export const and = (mask: number) => instruction(CODE.and, mask);

export const pass = instruction(CODE.answer, ALL);
export const drop = instruction(CODE.answer, 0);

export const dropIf = (test: Test) => [branch(test, 0, 1), drop];
export const dropUnless = (test: Test) => [branch(test, 1, 0), drop];
export const passIf = (test: Test) => [branch(test, 0, 1), pass];

/** Runs the block only where the test holds. A plain jump reaches farther than a test's. */
export function when(test: Test, block: readonly Instruction[]): Instruction[] {
  return [branch(test, 1, 0), instruction(CODE.jump, block.length), ...block];
}

/** As the kernel wants it: an array of struct sock_filter. */
export function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  for (const [position, { code, ifSo, ifNot, value }] of program.entries()) {
    const at = position * INSTRUCTION_BYTES;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(ifSo, at + 2);
    bytes.writeUInt8(ifNot, at + 3);
    bytes.writeUInt32LE(value, at + 4);
  }
  return bytes;
}

function instruction(code: number, value: number, ifSo = 0, ifNot = 0): Instruction {
  return { code, ifSo, ifNot, value: value >>> 0 };
}

function branch(test: Test, ifSo: number, ifNot: number): Instruction {
  if (test === 'is the index') return instruction(CODE.ifEqualIndex, 0, ifSo, ifNot);
  if (test === 'is at least the index') return instruction(CODE.ifAtLeastIndex, 0, ifSo, ifNot);
  if ('is' in test) return instruction(CODE.ifEqual, test.is, ifSo, ifNot);
  if ('above' in test) return instruction(CODE.ifAbove, test.above, ifSo, ifNot);
  if ('atLeast' in test) return instruction(CODE.ifAtLeast, test.atLeast, ifSo, ifNot);
  return instruction(CODE.ifAnyBit, test.anyOf, ifSo, ifNot);
}
