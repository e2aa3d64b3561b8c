import type { Readable } from 'node:stream';

/** Objects by key. Keys are `/`-separated names of `[A-Za-z0-9._-]`; no empty, `.` or `..` part. One contract test runs over every store. */
export interface ObjectStore {
  /** Stores whole or not at all: a reader sees the old object or the new one, never a part. Failure `storage.full` when there is no room. */
  put(key: string, body: Buffer | Readable, options?: { signal?: AbortSignal }): Promise<ObjectFacts>;
  /** `range` is inclusive bytes, already satisfiable (clamped by the caller from `head`). Null when there is no such object. */
  get(key: string, range?: { start: number; end: number }): Promise<StoredObject | null>;
  head(key: string): Promise<ObjectFacts | null>;
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>;
  /** Deletes every object whose key begins with `prefix` (which ends in `/`). */
  deletePrefix(prefix: string): Promise<void>;
  /** Keys that begin with `prefix`, in order, a page at a time: at most `limit`, after the key `after`. */
  list(prefix: string, options?: { after?: string; limit?: number }): Promise<string[]>;
}

export interface ObjectFacts {
  readonly size: number;
  /** Strong, quoted: `"…"`. Changes when the content does. */
  readonly etag: string;
  readonly lastModified: Date;
}

export interface StoredObject extends ObjectFacts {
  /** The bytes of the range, or of the whole object. The caller must consume or destroy it. */
  readonly body: Readable;
}
