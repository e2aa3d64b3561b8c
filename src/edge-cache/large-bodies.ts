/**
 * Bodies that are too large to be kept whole: they are kept in aligned blocks, each an object of its own.
 *
 * What is remembered of one is only what its blocks must agree on: its length and its strong entity tag (RFC 9110 §8.8.1), under which
 * every block is asked for, checked and named. So blocks of two versions never meet in one answer, and what is forgotten here is found
 * again with all its blocks. Bounded by count; forgetting one costs a request. Lives as long as the edge.
 */
import { LRUCache } from 'lru-cache';
import type { ByteRange } from './semantics/byte-range.js';
import { fieldLines, firstField, type HeaderPair } from './semantics/header-fields.js';
import type { UpstreamAnswer } from './upstream/upstream.js';

export interface LargeBody {
  /** Bytes. */
  readonly length: number;
  readonly etag: string;
  /** Of its blocks, but for the last. */
  readonly blockBytes: number;
}

/** One block of a large body. */
export interface Block extends ByteRange {
  readonly body: LargeBody;
}

const bodiesMax = 10_000;
/** Small enough that a seek does not wait long, large enough that a request for each costs little. */
const blockBytesMax = 4 * 1024 * 1024;

export class LargeBodies {
  readonly #byName = new LRUCache<string, LargeBody>({ max: bodiesMax });
  readonly #blockBytes: number;

  constructor(objectBytesMax: number) {
    this.#blockBytes = Math.min(blockBytesMax, objectBytesMax);
  }

  get(name: string): LargeBody | undefined {
    return this.#byName.get(name);
  }

  /** False when it cannot be had in blocks: it has no length, no strong entity tag, or the server knows no ranges. */
  learn(name: string, { status, headers, contentLength }: UpstreamAnswer): boolean {
    const etag = firstField(headers, 'etag');
    const inRanges = fieldLines(headers, 'accept-ranges').some((line) => /(?:^|[\s,])bytes(?:$|[\s,])/i.test(line));
    if (status !== 200 || contentLength === null || !etag?.startsWith('"') || !inRanges) return false;
    this.#byName.set(name, { length: contentLength, etag, blockBytes: this.#blockBytes });
    return true;
  }

  forget(name: string): void {
    this.#byName.delete(name);
  }

  forgetWhere(isMeant: (name: string) => boolean): void {
    for (const name of [...this.#byName.keys()]) if (isMeant(name)) this.#byName.delete(name);
  }
}

/** The block in which `offset` lies. */
export function blockAt(body: LargeBody, offset: number): Block {
  const first = offset - (offset % body.blockBytes);
  return { body, first, last: Math.min(first + body.blockBytes, body.length) - 1 };
}

/** No name of anything else contains two spaces. */
export const blockName = (name: string, { first, last, body }: Block): string =>
  `${name}  ${first}-${last}/${body.length} ${body.etag}`;

/** RFC 9110 §14.2, §13.1.5. */
export const blockFields = ({ first, last, body }: Block): HeaderPair[] => [
  ['range', `bytes=${first}-${last}`],
  ['if-range', body.etag],
];

/** The answer to a request for a block, as if the block were a body of its own. Null: it is not that block of that body. */
export function blockAnswer(answer: UpstreamAnswer, { first, last, body }: Block): UpstreamAnswer | null {
  const headers = answer.headers.filter(([name]) => name !== 'content-range');
  if (answer.status === 304) return { ...answer, headers };
  const contentLength = last - first + 1;
  const place = firstField(answer.headers, 'content-range')?.replace(/\s+/g, ' ').toLowerCase();
  if (answer.status !== 206 || place !== `bytes ${first}-${last}/${body.length}`) return null;
  if (firstField(headers, 'etag') !== body.etag || (answer.contentLength ?? contentLength) !== contentLength)
    return null;
  return { ...answer, status: 200, headers, contentLength };
}
