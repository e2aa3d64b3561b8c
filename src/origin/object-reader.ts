import type { Readable } from 'node:stream';

/** What origin needs of a store of objects, be it the box's object store or its own spool. */
export interface Objects {
  /** `range` is inclusive bytes, already within the object. Null when there is no such object. */
  get(key: string, range?: { start: number; end: number }): Promise<ReadableObject | null>;
  head(key: string): Promise<ObjectFacts | null>;
}

export interface ObjectFacts {
  readonly size: number;
  /** Strong, quoted. */
  readonly etag: string;
  readonly lastModified: Date;
}

export interface ReadableObject extends ObjectFacts {
  /** Must be consumed or destroyed. */
  readonly body: Readable;
}
