import { longHead } from './ebml.js';
import type { FeedBlock, FeedHeader } from './feed-reader.js';

const SIMPLE_BLOCK = 0xa3;
const LENGTH_BYTES = 4;
/** NAL units of a picture that are looked at: parameter sets are among the first. */
const NALS_LOOKED_AT = 32;

/** By codec: the types of parameter sets, and of the delimiter that stands before everything else. */
const KINDS = {
  // ITU-T H.264 table 7-1.
  h264: { typeOf: (first: number) => first & 0x1f, sets: new Set([7, 8, 13]), delimiter: 9 },
  // ITU-T H.265 table 7-1.
  hevc: { typeOf: (first: number) => (first >> 1) & 0x3f, sets: new Set([32, 33, 34]), delimiter: 35 },
} as const;

/**
 * Parameter sets for receivers that join late, or that write others before a key by themselves.
 *
 * When what is on air changes within a feed, the new parameter sets stand before the first key alone. From there on this puts
 * them before every key. ffmpeg, on the way to a transport stream, writes the header's own before keys of H.264 that have none
 * and before all keys of HEVC, and pictures would be decoded by the wrong ones: so HEVC has them in the stream from the first
 * key on, and transport streams a header without.
 *
 * Lifetime: one feed.
 */
export class ParameterSets {
  /** For FLV, whose receivers want them in the header. */
  readonly header: Buffer;
  readonly headerForTs: Buffer;
  readonly #kind: (typeof KINDS)[keyof typeof KINDS] | null;
  #latest: Buffer | null = null;

  /** `codec`: of the picture; null where there is none. */
  constructor(codec: string | null, { bytes, pictureConfig }: FeedHeader) {
    this.#kind = codec === 'h264' || codec === 'hevc' ? KINDS[codec] : null;
    this.header = bytes;
    this.headerForTs = bytes;
    if (codec !== 'hevc' || pictureConfig === null) return;
    this.#latest = setsOfHevc(pictureConfig);
    if (this.#latest !== null) this.headerForTs = withoutHevcSets(bytes, pictureConfig);
  }

  /** The block's bytes as a receiver gets them. */
  bytesOf(block: FeedBlock): Buffer[] {
    const { clusterHead, blockHead, frame } = block;
    const parts = this.#kind !== null && block.picture && block.key ? this.#complete(frame) : [frame];
    const size = parts.reduce((sum, part) => sum + part.length, blockHead.length);
    return [clusterHead, longHead(SIMPLE_BLOCK, size), blockHead, ...parts];
  }

  #complete(frame: Buffer): Buffer[] {
    const { sets, delimiterEnd } = this.#leading(frame);
    if (sets.length > 0) this.#latest = Buffer.concat(sets);
    if (sets.length > 0 || this.#latest === null) return [frame];
    return [frame.subarray(0, delimiterEnd), this.#latest, frame.subarray(delimiterEnd)];
  }

  /** The parameter sets of a picture, each with its length, and where its delimiter ends. */
  #leading(frame: Buffer): { sets: Buffer[]; delimiterEnd: number } {
    const sets: Buffer[] = [];
    let delimiterEnd = 0;
    for (let at = 0, n = 0; this.#kind !== null && n < NALS_LOOKED_AT && at + LENGTH_BYTES < frame.length; n += 1) {
      const end = at + LENGTH_BYTES + frame.readUInt32BE(at);
      if (end > frame.length) break;
      const type = this.#kind.typeOf(frame[at + LENGTH_BYTES] ?? 0);
      if (this.#kind.sets.has(type)) sets.push(frame.subarray(at, end));
      if (n === 0 && type === this.#kind.delimiter) delimiterEnd = end;
      at = end;
    }
    return { sets, delimiterEnd };
  }
}

/** ISO/IEC 14496-15 §8.3.3.1.2: where hvcC says how many arrays of NAL units follow. */
const HVCC_ARRAYS_AT = 22;

/** The NAL units of an hvcC, each with a length of four bytes; null where there are none, or they are cut short. */
function setsOfHevc(config: Buffer): Buffer | null {
  const sets: Buffer[] = [];
  let at = HVCC_ARRAYS_AT + 1;
  for (let array = config[HVCC_ARRAYS_AT] ?? 0; array > 0; array -= 1) {
    if (at + 3 > config.length) return null;
    let units = config.readUInt16BE(at + 1);
    for (at += 3; units > 0; units -= 1) {
      if (at + 2 > config.length) return null;
      const end = at + 2 + config.readUInt16BE(at);
      if (end > config.length) return null;
      sets.push(Buffer.from([0, 0]), config.subarray(at, end));
      at = end;
    }
  }
  return sets.length === 0 ? null : Buffer.concat(sets);
}

function withoutHevcSets(header: Buffer, config: Buffer): Buffer {
  const changed = Buffer.from(header);
  changed[header.indexOf(config) + HVCC_ARRAYS_AT] = 0;
  return changed;
}
