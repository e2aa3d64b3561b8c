import type { Readable } from 'node:stream';

/** What uploads ask of the catalog and of the object store. The catalog's own face and any object store fit. */
export interface UploadCatalog {
  append(entry: UploadEntry): Promise<UploadVerdict>;
}

export type UploadEntry =
  | Entry<'video.created', VideoCreated>
  | Entry<'video.uploaded', VideoUploaded>
  | Entry<'video.deleted', { readonly videoId: string }>;

interface Entry<Type extends string, Data> {
  /** Appending the same id twice applies it once. */
  readonly id: string;
  readonly v: 1;
  readonly type: Type;
  /** Epoch ms. */
  readonly at: number;
  readonly data: Data;
}

interface VideoCreated {
  readonly videoId: string;
  readonly uploaderId: string;
  readonly title: string;
  readonly description: string;
  readonly sizeBytes: number;
}

interface VideoUploaded {
  readonly videoId: string;
  readonly rawKey: string;
  readonly sizeBytes: number;
}

/** The entry that takes back a video whose upload will never be whole. */
export function deletionOf(videoId: string): UploadEntry {
  return { id: `abandoned-${videoId}`, v: 1, type: 'video.deleted', at: Date.now(), data: { videoId } };
}

export type UploadVerdict =
  | { readonly applied: true }
  | { readonly applied: false; readonly reason: 'conflict' | 'absent' | 'denied' | 'exists'; readonly message: string };

export interface RawStore {
  /** Moves a file on this box into the store (a rename where it can be one). Without it the file is copied as a stream. */
  adopt?(path: string, key: string): Promise<unknown>;
  put(key: string, body: Readable): Promise<unknown>;
  head(key: string): Promise<{ readonly size: number } | null>;
  delete(key: string): Promise<void>;
}
