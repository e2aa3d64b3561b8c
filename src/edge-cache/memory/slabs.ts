/**
 * The bytes of the memory tier: a few large slabs, shared with other threads, out of which extents are taken and to which they are given back.
 * One owner calls; whoever else reads an extent must have the owner's word that it is not given back meanwhile.
 *
 * Good fit over size classes (after "TLSF: a new dynamic memory allocator for real-time systems", Masmano and others, 2004): taking and giving back are
 * O(1), neighbours that are free become one. Small extents come from the front of a free block and large ones from its back, so that they keep
 * apart. Bounded by `bytesMax`; the system lends pages as they are first written, and does not get them back. The first slab is taken at once, the others
 * when they are needed; once the system has refused one, what there is has to do.
 */
import type { Failure } from '../../telemetry/failure.js';
import { memoryRefused } from './memory-failure.js';

export interface SlabsOptions {
  /** Throws where the system refuses. Default: memory that threads can share. */
  readonly allot?: (bytes: number) => SharedArrayBuffer;
  /** Told once, when the system refuses a slab that is not the first: there will be no more than `bytesMax` from now on. */
  readonly whenRefused?: (failure: Failure, bytesMax: number) => void;
}

/** A stretch of a slab. `bytes` is as long as was asked for. */
export interface Extent {
  readonly bytes: Buffer;
  /** For whoever takes or gives it. */
  readonly block: Block;
}

interface Block {
  readonly slab: SharedArrayBuffer;
  offset: number;
  size: number;
  isFree: boolean;
  /** Beside it in the slab. */
  before: Block | null;
  after: Block | null;
  /** In the list of its class, while it is free. */
  newer: Block | null;
  older: Block | null;
}

/** Sizes are multiples of it, bytes. */
const grain = 128;
const slabBytesMax = 2 ** 30;
/** Classes to each doubling of size. */
const finer = 8;
const finerBits = 3;
const classCount = (31 + 22) * finer;
/** From here on extents come from the back of free blocks. */
const largeBytes = 64 * 1024;

export class Slabs {
  readonly #options: SlabsOptions;
  #bytesMax: number;
  /** By class; and which have any, 32 to a word. */
  readonly #free: (Block | null)[] = new Array(classCount).fill(null);
  readonly #filled = new Uint32Array(Math.ceil(classCount / 32));
  #made = 0;
  #used = 0;

  /**
   * Throws `edge-cache.memory-refused` where the system refuses the first slab.
   *
   * @param bytesMax rounded down to a multiple of 128.
   */
  constructor(bytesMax: number, options: SlabsOptions = {}) {
    this.#options = options;
    this.#bytesMax = Math.floor(bytesMax / grain) * grain;
    const refused = this.#add(Math.min(slabBytesMax, this.#bytesMax));
    if (refused !== null) throw refused;
  }

  /** Bytes that are taken. */
  get used(): number {
    return this.#used;
  }

  /** Null: there is no free block of that size. */
  take(bytes: number): Extent | null {
    const size = sizeFor(bytes);
    const block = this.#find(size);
    if (block === null) return this.#grow(size) ? this.take(bytes) : null;
    this.#unlist(block);
    const taken = this.#split(block, size);
    this.#used += taken.size;
    return { bytes: Buffer.from(taken.slab, taken.offset, bytes), block: taken };
  }

  /** Gives back what lies behind the first `bytes` of it. */
  shrink({ block }: Extent, bytes: number): Extent {
    const size = sizeFor(bytes);
    if (size < block.size) {
      this.#used -= block.size - size;
      const rest = cut(block, size);
      this.#release(rest);
    }
    return { bytes: Buffer.from(block.slab, block.offset, bytes), block };
  }

  /** Nobody reads it any more. */
  give({ block }: Extent): void {
    if (block.isFree) throw new Error('an extent was given back twice');
    this.#used -= block.size;
    this.#release(block);
  }

  #grow(least: number): boolean {
    const size = Math.min(slabBytesMax, this.#bytesMax - this.#made);
    if (size < least) return false;
    const refused = this.#add(size);
    if (refused === null) return true;
    this.#bytesMax = this.#made;
    this.#options.whenRefused?.(refused, this.#bytesMax);
    return false;
  }

  /** Null: it was taken. */
  #add(size: number): Failure | null {
    const { allot = (bytes) => new SharedArrayBuffer(bytes) } = this.#options;
    try {
      const slab = allot(size);
      this.#made += size;
      this.#list({ slab, offset: 0, size, isFree: true, before: null, after: null, newer: null, older: null });
      return null;
    } catch (error) {
      return memoryRefused({ askedBytes: size, gotBytes: this.#made }, error);
    }
  }

  #split(block: Block, size: number): Block {
    block.isFree = false;
    if (block.size === size) return block;
    if (size < largeBytes) {
      this.#list(cut(block, size));
      return block;
    }
    const back = cut(block, block.size - size);
    back.isFree = false;
    this.#list(block);
    return back;
  }

  #release(block: Block): void {
    let whole = block;
    const { before, after } = block;
    if (after?.isFree) {
      this.#unlist(after);
      join(whole, after);
    }
    if (before?.isFree) {
      this.#unlist(before);
      join(before, whole);
      whole = before;
    }
    this.#list(whole);
  }

  /** The first of the smallest class all of whose blocks are large enough. */
  #find(size: number): Block | null {
    const from = classAbove(size);
    for (let word = from >> 5; word < this.#filled.length; word += 1) {
      const masked = (this.#filled[word] ?? 0) & (word === from >> 5 ? -1 << (from & 31) : -1);
      if (masked !== 0) return this.#free[(word << 5) + 31 - Math.clz32(masked & -masked)] ?? null;
    }
    // The last resort: one of its own class may do.
    for (let block = this.#free[classOf(size)] ?? null; block !== null; block = block.older) {
      if (block.size >= size) return block;
    }
    return null;
  }

  #list(block: Block): void {
    const at = classOf(block.size);
    block.isFree = true;
    block.newer = null;
    block.older = this.#free[at] ?? null;
    if (block.older !== null) block.older.newer = block;
    this.#free[at] = block;
    this.#filled[at >> 5] = (this.#filled[at >> 5] ?? 0) | (1 << (at & 31));
  }

  #unlist(block: Block): void {
    const at = classOf(block.size);
    if (block.newer === null) this.#free[at] = block.older;
    else block.newer.older = block.older;
    if (block.older !== null) block.older.newer = block.newer;
    if (this.#free[at] === null) this.#filled[at >> 5] = (this.#filled[at >> 5] ?? 0) & ~(1 << (at & 31));
    block.newer = null;
    block.older = null;
  }
}

const sizeFor = (bytes: number): number => Math.max(1, Math.ceil(bytes / grain)) * grain;

/** Of the blocks with this size; the first class has all up to `finer` grains, one each. */
function classOf(size: number): number {
  const grains = size / grain;
  if (grains < finer) return grains;
  const doublings = 31 - Math.clz32(grains);
  return ((doublings - finerBits + 1) << finerBits) + ((grains >> (doublings - finerBits)) & (finer - 1));
}

/** The smallest class in which every block has at least this size. */
function classAbove(size: number): number {
  const grains = size / grain;
  if (grains < finer) return grains;
  const step = 1 << (31 - Math.clz32(grains) - finerBits);
  return classOf(Math.ceil(grains / step) * step * grain);
}

/** Cuts a block after `size` bytes; the rest is in no list yet. */
function cut(block: Block, size: number): Block {
  const { slab, offset, after } = block;
  const rest: Block = {
    ...{ slab, offset: offset + size, size: block.size - size, isFree: true },
    ...{ before: block, after, newer: null, older: null },
  };
  if (after !== null) after.before = rest;
  block.after = rest;
  block.size = size;
  return rest;
}

function join(block: Block, next: Block): void {
  block.size += next.size;
  block.after = next.after;
  if (next.after !== null) next.after.before = block;
}
