import { LRUCache } from 'lru-cache';
import { OriginFailure } from '../failure.js';
import type { SheetLayout } from './thumbnail-sheets.js';

/** Pictures to be made, as one image. */
export interface PictureRequest {
  /** A header, and behind it a fragment for each picture: the first key of each is shown. */
  readonly media: Buffer;
  readonly layout: SheetLayout;
  /** How far apart the fragments begin, at the least, seconds. */
  readonly apartSec: number;
}

/** A JPEG, or null where there is none to be had. It is asked for one at a time. */
export type MakeThumbnail = (request: PictureRequest) => Promise<Buffer | null>;

/** A picture is a few kilobytes, a sheet a hundred. The edge keeps them for longer. */
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
  get(key: string, read: () => Promise<PictureRequest | null>): Promise<Buffer | null> {
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

  async #makeOne(key: string, read: () => Promise<PictureRequest | null>): Promise<Buffer | null> {
    const request = this.#closed ? null : await read();
    const picture = request && (await this.#make(request));
    if (picture !== null) this.#made.set(key, picture);
    return picture;
  }
}

function tooMany(): OriginFailure {
  return new OriginFailure('origin.busy', 'too many thumbnails are waited for', {
    hint: 'Viewers look through recordings faster than this box makes pictures of them. It passes: each is made once.',
  });
}
