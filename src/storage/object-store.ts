import type { Readable } from 'node:stream';

/**
 * Objects by key. Keys are `/`-separated names of `[A-Za-z0-9._-]`, at most 1024 bytes; no empty, `.` or `..` part, and no key
 * is the folder of another (`a` and `a/b`): all else is `storage.bad-key`. One contract test runs over every store.
 */
export interface ObjectStore {
  /**
   * Stores whole or not at all: a reader sees the old object or the new one, never a part. Failure `storage.full` when there is
   * no room. A stream that fails, or a signal that fires, makes it throw the stream's error or the signal's reason. The stream
   * is destroyed whenever `put` is over.
   */
  put(key: string, body: Buffer | Readable, options?: { signal?: AbortSignal }): Promise<ObjectFacts>;
  /**
   * Stores a finished file of this box, which stays where it is and is never written to again. Like `put`, but without a copy
   * where file and store lie on one file system. Absent where a store cannot have that.
   */
  putFile?(key: string, path: string, options?: { signal?: AbortSignal }): Promise<ObjectFacts>;
  /** `range` is inclusive bytes, already satisfiable (clamped by the caller from `head`). Null when there is no such object. */
  get(key: string, range?: { start: number; end: number }): Promise<StoredObject | null>;
  head(key: string): Promise<ObjectFacts | null>;
  /** The object's file on this box, for tools that read files themselves; null where there is none. Not to be written to. */
  localPath(key: string): string | null;
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>;
  /** Deletes every object whose key begins with `prefix` (which ends in `/`). */
  deletePrefix(prefix: string): Promise<void>;
  /** Keys that begin with `prefix`, in byte order, a page at a time: at most `limit` (≤ 1000, the default), after the key `after`. */
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
