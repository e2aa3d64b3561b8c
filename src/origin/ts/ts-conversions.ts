import { LRUCache } from 'lru-cache';
import { OriginFailure } from '../failure.js';

/** Of finished segments. The edge keeps them for longer. */
const BYTES_MAX = 64 * 1024 * 1024;
/** Under way at once, each with its CMAF in memory. */
const UNDER_WAY_MAX = 32;

/**
 * The segments lately converted, and those that are being converted: one conversion at a time for each, however many ask.
 *
 * Lives as long as the origin; holds at most `BYTES_MAX` of finished segments.
 */
export class TsConversions {
  readonly #finished = new LRUCache<string, Buffer>({ maxSize: BYTES_MAX, sizeCalculation: ({ length }) => length });
  readonly #underWay = new Map<string, Promise<Buffer | null>>();

  /** What `convert` makes of `key`; null, which is not kept, where it has nothing. Throws `origin.busy` when too many are under way. */
  get(key: string, convert: () => Promise<Buffer | null>): Promise<Buffer | null> {
    const finished = this.#finished.get(key);
    if (finished !== undefined) return Promise.resolve(finished);
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    if (this.#underWay.size >= UNDER_WAY_MAX) return Promise.reject(tooMany());
    const converting = this.#convert(key, convert).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, converting);
    return converting;
  }

  async #convert(key: string, convert: () => Promise<Buffer | null>): Promise<Buffer | null> {
    const bytes = await convert();
    if (bytes !== null) this.#finished.set(key, bytes);
    return bytes;
  }
}

function tooMany(): OriginFailure {
  return new OriginFailure('origin.busy', 'too many segments are being converted to MPEG-TS', {
    hint: 'Viewers of MPEG-TS ask for more at once than the spool can be read for. Look at its disk.',
  });
}
