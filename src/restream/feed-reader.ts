import { childElements, elementHead } from './ebml.js';

/** A feed in the pieces that a receiver may get or miss. */
export type FeedItem = FeedHeader | FeedBlock;

/** All that stands before the first cluster: what a receiver must have first. */
export interface FeedHeader {
  readonly kind: 'header';
  readonly bytes: Buffer;
  /** The picture's decoder config (avcC, hvcC); null where it has none. */
  readonly pictureConfig: Buffer | null;
}

/** One frame. Whoever missed what came before can go on with a block that `opens`. */
export interface FeedBlock {
  readonly kind: 'block';
  /** It is a key of the picture, or sound where there is no picture and a cluster begins. */
  readonly opens: boolean;
  readonly picture: boolean;
  readonly key: boolean;
  /** The head and time of a cluster, where one begins; each block that `opens` has a cluster of its own. */
  readonly clusterHead: Buffer;
  /** The block's own head: track, time, flags. */
  readonly blockHead: Buffer;
  readonly frame: Buffer;
}

const SEGMENT = 0x18538067;
const TRACKS = 0x1654ae6b;
const CLUSTER = 0x1f43b675;
const TIMESTAMP = 0xe7;
const SIMPLE_BLOCK = 0xa3;
const TRACK_ENTRY = 0xae;
const TRACK_NUMBER = 0xd7;
const TRACK_TYPE = 0x83;
const CODEC_PRIVATE = 0x63a2;
const TYPE_VIDEO = 1;
/** A cluster of unknown size. */
const CLUSTER_HEAD = Buffer.from([0x1f, 0x43, 0xb6, 0x75, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
const NOTHING = Buffer.alloc(0);
const BLOCK_HEAD_BYTES = 4;
const KEYFRAME = 0x80;
/** A picture of a size that no publisher may send (ingest's own bounds are below). */
const ELEMENT_BYTES_MAX = 64 * 1024 * 1024;
const HEADER_BYTES_MAX = 1024 * 1024;

/**
 * Reads a feed as ingest writes it (live Matroska, a cluster from each key of the picture) and says where a receiver can begin.
 *
 * Lifetime: one feed. Bytes that are no such feed make it `broken`; it then gives nothing more.
 */
export class FeedReader {
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Not worth looking again before so many are held. */
  #wanted = 1;
  #broken = false;
  #header: Buffer[] | null = [];
  #headerBytes = 0;
  #picture: PictureTrack = { number: null, config: null };
  /** Of the cluster that is open: its time, as an element. */
  #time: Buffer | null = null;
  #first = false;

  get broken(): boolean {
    return this.#broken;
  }

  push(piece: Buffer): FeedItem[] {
    const items: FeedItem[] = [];
    if (this.#broken || piece.length === 0) return items;
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes < this.#wanted) return items;
    let rest = this.#held.length === 1 ? piece : Buffer.concat(this.#held, this.#heldBytes);
    for (let taken = this.#element(rest, items); taken > 0; taken = this.#element(rest, items)) {
      rest = rest.subarray(taken);
    }
    this.#held = this.#broken || rest.length === 0 ? [] : [rest];
    this.#heldBytes = rest.length;
    return items;
  }

  /** Takes the next element; answers with its bytes, 0 where it is not all there. */
  #element(bytes: Buffer, items: FeedItem[]): number {
    const head = elementHead(bytes);
    this.#wanted = bytes.length + 1;
    if (head === 'more') return 0;
    if (head === 'fault') return this.#break();
    const { id, size, headBytes } = head;
    if (id === SEGMENT || id === CLUSTER) return this.#open(id, bytes.subarray(0, headBytes), items);
    if (size === null || size > ELEMENT_BYTES_MAX) return this.#break();
    this.#wanted = headBytes + size;
    if (bytes.length < this.#wanted) return 0;
    this.#whole(id, bytes.subarray(0, headBytes + size), headBytes, items);
    return this.#broken ? 0 : headBytes + size;
  }

  /** What holds other elements is only its head here. */
  #open(id: number, head: Buffer, items: FeedItem[]): number {
    if (id === SEGMENT) {
      this.#keep(head);
      return head.length;
    }
    if (this.#header !== null) {
      items.push({ kind: 'header', bytes: Buffer.concat(this.#header), pictureConfig: this.#picture.config });
    }
    this.#header = null;
    this.#time = null;
    this.#first = true;
    return head.length;
  }

  #whole(id: number, element: Buffer, headBytes: number, items: FeedItem[]): void {
    if (this.#header !== null) {
      if (id === TRACKS) this.#picture = pictureTrack(element.subarray(headBytes));
      this.#keep(element);
    } else if (id === TIMESTAMP) this.#time = element;
    else if (id === SIMPLE_BLOCK && this.#time !== null && element.length >= headBytes + BLOCK_HEAD_BYTES) {
      items.push(this.#block(element.subarray(headBytes), this.#time));
    }
    // Whatever else stands in a cluster, a receiver does without.
  }

  #block(payload: Buffer, time: Buffer): FeedBlock {
    const picture = (payload[0] ?? 0) === (0x80 | (this.#picture.number ?? 0));
    const key = ((payload[3] ?? 0) & KEYFRAME) !== 0;
    const opens = this.#picture.number === null ? this.#first : picture && key;
    const begins = opens || this.#first;
    this.#first = false;
    return {
      kind: 'block',
      opens,
      picture,
      key,
      clusterHead: begins ? Buffer.concat([CLUSTER_HEAD, time]) : NOTHING,
      blockHead: payload.subarray(0, BLOCK_HEAD_BYTES),
      frame: payload.subarray(BLOCK_HEAD_BYTES),
    };
  }

  #keep(bytes: Buffer): void {
    this.#headerBytes += bytes.length;
    if (this.#header === null || this.#headerBytes > HEADER_BYTES_MAX) this.#break();
    else this.#header.push(bytes);
  }

  #break(): 0 {
    this.#broken = true;
    return 0;
  }
}

interface PictureTrack {
  /** Null: there is no picture. */
  readonly number: number | null;
  readonly config: Buffer | null;
}

function pictureTrack(tracks: Buffer): PictureTrack {
  for (const { id, payload } of childElements(tracks)) {
    const fields = new Map(id === TRACK_ENTRY ? childElements(payload).map((field) => [field.id, field.payload]) : []);
    if (fields.get(TRACK_TYPE)?.[0] !== TYPE_VIDEO) continue;
    return { number: fields.get(TRACK_NUMBER)?.[0] ?? null, config: fields.get(CODEC_PRIVATE) ?? null };
  }
  return { number: null, config: null };
}
