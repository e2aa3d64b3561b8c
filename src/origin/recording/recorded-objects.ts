import type { ObjectFacts, Objects, ReadableObject } from '../object-reader.js';
import { archivePrefix } from './archive-file.js';

/**
 * What was announced, wherever it is by now: in the spool, else in the store. Keys are `<broadcastId>/<rendition>/<name>`; the
 * etag is the name's, so that it stays when the bytes have moved.
 */
export class RecordedObjects implements Objects {
  readonly #spool: Objects;
  readonly #store: Objects;

  constructor(spool: Objects, store: Objects) {
    this.#spool = spool;
    this.#store = store;
  }

  async head(key: string): Promise<ObjectFacts | null> {
    const { etag, spooled } = await this.#look(key);
    if (spooled !== null) return spooled;
    const stored = await this.#store.head(storeKey(key));
    return stored && { ...stored, etag };
  }

  async get(key: string, range?: { start: number; end: number }): Promise<ReadableObject | null> {
    const { etag, spooled } = await this.#look(key);
    const fromSpool = spooled && (await this.#spool.get(key, range));
    if (fromSpool !== null) return fromSpool;
    const stored = await this.#store.get(storeKey(key), range);
    return stored && { ...stored, etag };
  }

  async #look(key: string): Promise<{ etag: string; spooled: ObjectFacts | null }> {
    return { etag: `"${key.replaceAll('/', '-')}"`, spooled: await this.#spool.head(key) };
  }
}

/** `<broadcastId>/<rendition>/<name>` as the store has it. */
export function storeKey(key: string): string {
  const at = key.indexOf('/');
  return `${archivePrefix(key.slice(0, at))}${key.slice(at + 1)}`;
}
