/**
 * Reads a feed: live Matroska (RFC 9559) as ingest muxes it, given in pieces of any size.
 *
 * What comes out are the feed's own bytes, cut where its elements end, with what they say beside them: enough to begin a
 * second receiver at any key, and to take the frames out. Holds at most one unfinished element, bounded by the limits
 * below. After a `MatroskaFault` it must not be used again.
 */
import { ByteQueue } from './byte-queue.js';
import { childElements, MatroskaFault, readElementHead, readUint } from './ebml-element.js';
import { readTracks, type SourceTrack } from './matroska-tracks.js';

export type FeedItem = HeadItem | ClusterItem | BlockItem | OtherItem;

interface Raw {
  /** The feed's bytes, as they came. */
  readonly raw: readonly Buffer[];
}

/** Everything before the first cluster. */
export interface HeadItem extends Raw {
  readonly kind: 'head';
  readonly tracks: readonly SourceTrack[];
}

interface ClusterItem extends Raw {
  readonly kind: 'cluster';
}

/** One frame. */
export interface BlockItem extends Raw {
  readonly kind: 'block';
  readonly track: 'video' | 'audio';
  /** When it is presented, ms of the broadcast's timeline. Blocks come in the order of decoding. */
  readonly timeMs: number;
  readonly key: boolean;
  readonly payload: readonly Buffer[];
}

interface OtherItem extends Raw {
  readonly kind: 'other';
}

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const INFO = 0x1549a966;
const TRACKS = 0x1654ae6b;
const TIMESTAMP = 0xe7;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const REFERENCE = 0xfb;
const TIMESTAMP_SCALE = 0x2ad7b1;

/** The largest frame that is believed: a raw 4K picture would be 12 MB. */
const BLOCK_BYTES_MAX = 16 * 1024 * 1024;
const TABLE_BYTES_MAX = 1024 * 1024;
const HEAD_BYTES_MAX = 2 * 1024 * 1024;
/** Ids take 4 bytes and sizes 8 (RFC 8794 §17.1). */
const ELEMENT_HEAD_MAX = 12;
const NS_PER_MS = 1_000_000;
const KEYFRAME = 0x80;
const LACING = 0x06;

export class MatroskaReader {
  readonly #queue = new ByteQueue();
  #head: { raw: Buffer[]; bytes: number } | null = { raw: [], bytes: 0 };
  #tracks: SourceTrack[] = [];
  #scaleNs = NS_PER_MS;
  #clusterTime = 0;

  /** The items that `piece` completes, in order. Throws `MatroskaFault`. */
  push(piece: Buffer): FeedItem[] {
    this.#queue.push(piece);
    const items: FeedItem[] = [];
    while (this.#next(items));
    return items;
  }

  #next(items: FeedItem[]): boolean {
    const head = readElementHead(this.#queue.peek(ELEMENT_HEAD_MAX));
    if (head === null) return false;
    if (head.id === SEGMENT || head.id === CLUSTER) {
      const raw = this.#queue.take(head.bytes);
      if (head.id === CLUSTER) this.#enterCluster(raw, items);
      else this.#keepHead(raw);
      return true;
    }
    if (head.size === null) throw new MatroskaFault('an element of unknown size is neither segment nor cluster');
    const isBlock = head.id === SIMPLE_BLOCK || head.id === BLOCK_GROUP;
    if (head.size > (isBlock ? BLOCK_BYTES_MAX : TABLE_BYTES_MAX)) throw new MatroskaFault('an element is too large');
    if (this.#queue.length < head.bytes + head.size) return false;
    this.#take(head.id, head.bytes, this.#queue.take(head.bytes + head.size), items);
    return true;
  }

  #enterCluster(raw: Buffer[], items: FeedItem[]): void {
    if (this.#head !== null) {
      items.push({ kind: 'head', raw: this.#head.raw, tracks: this.#tracks });
      this.#head = null;
    }
    items.push({ kind: 'cluster', raw });
  }

  #keepHead(raw: readonly Buffer[]): void {
    if (this.#head === null) throw new MatroskaFault('a second header came');
    this.#head.raw.push(...raw);
    this.#head.bytes += raw.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#head.bytes > HEAD_BYTES_MAX) throw new MatroskaFault('the header has no end');
  }

  #take(id: number, headBytes: number, raw: Buffer[], items: FeedItem[]): void {
    if (this.#head !== null) {
      if (id === TRACKS) this.#tracks = readTracks(joined(raw).subarray(headBytes));
      else if (id === INFO) this.#readInfo(joined(raw).subarray(headBytes));
      this.#keepHead(raw);
    } else if (id === SIMPLE_BLOCK) {
      items.push(this.#readBlock(raw, raw, headBytes, null));
    } else if (id === BLOCK_GROUP) {
      items.push(this.#readGroup(raw, headBytes));
    } else {
      if (id === TIMESTAMP) this.#clusterTime = readUint(joined(raw).subarray(headBytes));
      items.push({ kind: 'other', raw });
    }
  }

  #readInfo(info: Buffer): void {
    const scale = childElements(info).find((child) => child.id === TIMESTAMP_SCALE);
    if (scale !== undefined) this.#scaleNs = readUint(scale.payload);
  }

  #readGroup(raw: Buffer[], headBytes: number): FeedItem {
    const children = childElements(joined(raw).subarray(headBytes));
    const block = children.find((child) => child.id === BLOCK);
    if (block === undefined) throw new MatroskaFault('a block group has no block');
    const key = !children.some((child) => child.id === REFERENCE);
    return this.#readBlock(raw, [block.payload], 0, key);
  }

  /** `key`: as the group says; null where the block itself does (RFC 9559 §10.1, §10.2). */
  #readBlock(raw: readonly Buffer[], bytes: readonly Buffer[], skip: number, key: boolean | null): FeedItem {
    const head = firstBytes(bytes, skip + BLOCK_HEAD).subarray(skip);
    const number = (head[0] ?? 0) & 0x7f;
    const track = this.#tracks.find((each) => each.number === number);
    // Track numbers above 126 take more bytes; no feed has so many.
    if (head.length < BLOCK_HEAD || ((head[0] ?? 0) & 0x80) === 0) throw new MatroskaFault('a block has no head');
    const flags = head[3] ?? 0;
    if (flags & LACING) throw new MatroskaFault('a block is laced');
    if (track === undefined) return { kind: 'other', raw };
    const timeMs = ((this.#clusterTime + head.readInt16BE(1)) * this.#scaleNs) / NS_PER_MS;
    const payload = withoutFirst(bytes, skip + BLOCK_HEAD);
    return { kind: 'block', raw, track: track.kind, timeMs, key: key ?? (flags & KEYFRAME) !== 0, payload };
  }
}

/** Track number, time within the cluster, flags. */
const BLOCK_HEAD = 4;

const joined = (pieces: readonly Buffer[]): Buffer => {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
};

function firstBytes(pieces: readonly Buffer[], count: number): Buffer {
  const [first] = pieces;
  return first !== undefined && first.length >= count ? first.subarray(0, count) : joined(pieces).subarray(0, count);
}

function withoutFirst(pieces: readonly Buffer[], count: number): Buffer[] {
  const rest: Buffer[] = [];
  let skip = count;
  for (const piece of pieces) {
    if (piece.length > skip) rest.push(skip === 0 ? piece : piece.subarray(skip));
    skip = Math.max(0, skip - piece.length);
  }
  return rest;
}
