import { LRUCache } from 'lru-cache';
import { OriginFailure } from '../failure.js';

/**
 * A small JPEG of the first picture of a fragmented MP4 (header and one segment), or null where there is none to be had.
 * It is asked for one at a time.
 */
export type MakeThumbnail = (media: Buffer) => Promise<Buffer | null>;

/** Pictures are a few kilobytes each. The edge keeps them for longer. */
const BYTES_MAX = 64 * 1024 * 1024;
/** They wait for one another; more are refused. */
const WAITING_MAX = 64;

/**
 * The pictures lately made, and those that are being made: one at a time in all, and once for each, however many ask.
 *
 * Lives as long as the origin; `close` lets those that wait go.
 */
export class ThumbnailShelf {
  readonly #make: MakeThumbnail;
  readonly #made = new LRUCache<string, Buffer>({ maxSize: BYTES_MAX, sizeCalculation: ({ length }) => length });
  readonly #waiting = new Map<string, Promise<Buffer | null>>();
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(make: MakeThumbnail) {
    this.#make = make;
  }

  /** `read` is called when its turn has come; null: there is nothing. Throws `origin.busy` when too many wait. */
  get(key: string, read: () => Promise<Buffer | null>): Promise<Buffer | null> {
    const made = this.#made.get(key);
    if (made !== undefined) return Promise.resolve(made);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting;
    if (this.#waiting.size >= WAITING_MAX) return Promise.reject(tooMany());
    const making = this.#tail.then(() => this.#makeOne(key, read)).finally(() => this.#waiting.delete(key));
    this.#waiting.set(key, making);
    this.#tail = making.catch(() => {});
    return making;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
  }

  async #makeOne(key: string, read: () => Promise<Buffer | null>): Promise<Buffer | null> {
    const media = this.#closed ? null : await read();
    const picture = media && (await this.#make(media));
    if (picture !== null) this.#made.set(key, picture);
    return picture;
  }
}

function tooMany(): OriginFailure {
  return new OriginFailure('origin.busy', 'too many thumbnails are waited for', {
    hint: 'Viewers look through recordings faster than this box makes pictures of them. It passes: each is made once.',
  });
}
