import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FileStore } from '@tus/file-store';
import { ERRORS, Upload } from '@tus/server';
import { type UploadRecord, UploadRecords } from './upload-record.js';

export interface StagingOptions {
  readonly directory: string;
  /** An upload without a byte for this long expires. */
  readonly expireAfterMs: number;
  /** Makes the video known; the uploader gets its address only after this. */
  readonly announce: (record: UploadRecord) => Promise<void>;
  /** Takes the video back (that the catalog never knew it is no error). */
  readonly retract: (videoId: string) => Promise<void>;
}

/**
 * The bytes of unfinished uploads on the local disk, as the tus server's data store.
 *
 * The offset of an upload is the length of its file and nothing else, so it is true after any crash. A finished upload has
 * no file any more; its record answers for it.
 */
export class Staging extends FileStore {
  readonly records: UploadRecords;
  readonly #options: StagingOptions;
  readonly #drafts = new Map<string, UploadRecord>();

  constructor(options: StagingOptions) {
    super({
      directory: options.directory,
      expirationPeriodInMilliseconds: options.expireAfterMs,
      configstore: {
        get: async (id) => uploadOf(this.records.find(id)),
        set: async () => {},
        delete: (id) => this.records.drop(id),
      },
    });
    this.extensions = ['creation', 'creation-with-upload', 'termination', 'expiration'];
    this.records = new UploadRecords(options.directory);
    this.#options = options;
  }

  static async open(options: StagingOptions): Promise<Staging> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const staging = new Staging(options);
    await staging.records.load();
    return staging;
  }

  /** Names the record that the next `create` of this id is for; forget it when the request is over. */
  draft(record: UploadRecord): void {
    this.#drafts.set(record.videoId, record);
  }

  forgetDraft(videoId: string): void {
    this.#drafts.delete(videoId);
  }

  /** Uploads that are not finished, those being created among them; of one owner, or all. */
  unfinished(ownerId?: string): number {
    const records = this.records.all().filter(({ state }) => state !== 'finished');
    const known = new Set(records.map(({ videoId }) => videoId));
    const drafts = [...this.#drafts.values()].filter(({ videoId }) => !known.has(videoId));
    return [...records, ...drafts].filter((record) => ownerId === undefined || record.ownerId === ownerId).length;
  }

  pathOf(videoId: string): string {
    return join(this.directory, videoId);
  }

  /** Record first, bytes second, catalog third: a crash between any two leaves a `staged` record that opening cleans up. */
  override async create(upload: Upload): Promise<Upload> {
    const draft = this.#drafts.get(upload.id);
    if (draft === undefined) throw new Error(`upload ${upload.id} has no draft`);
    await this.records.keep(draft);
    const created = await super.create(upload);
    await this.#options.announce(draft);
    await this.records.keep({ ...draft, state: 'open' });
    return created;
  }

  override async getUpload(id: string): Promise<Upload> {
    const record = this.records.find(id);
    if (record === undefined) throw ERRORS.FILE_NOT_FOUND;
    if (record.state === 'finished') return uploadOf(record, record.sizeBytes) as Upload;
    const upload = await super.getUpload(id);
    // tus counts the expiry from here: a slow upload lives as long as bytes come.
    upload.creation_date = new Date(await this.lastTouchedAt(record)).toISOString();
    return upload;
  }

  /** When the last byte was written, epoch ms. */
  async lastTouchedAt(record: UploadRecord): Promise<number> {
    const facts = await stat(this.pathOf(record.videoId)).catch(() => null);
    return Math.max(record.since, Math.floor(facts?.mtimeMs ?? 0));
  }

  /** The bytes there are, or null when the file is gone. */
  async stagedBytes(videoId: string): Promise<number | null> {
    const facts = await stat(this.pathOf(videoId)).catch(() => null);
    return facts?.size ?? null;
  }

  /** Appends what arrives. Whatever breaks it off, the bytes before it are kept and counted by the file's length. */
  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    const file = createWriteStream(this.pathOf(id), { flags: 'r+', start: offset, highWaterMark: 256 * 1024 });
    await pipeline(readable, file);
    return offset + file.bytesWritten;
  }

  /** Gives an upload up: first the video, then the bytes, so that no video is left waiting for an upload that is gone. */
  override async remove(videoId: string): Promise<void> {
    await this.#options.retract(videoId);
    await this.discard(videoId);
  }

  /** Removes bytes and record, and leaves the video as it is. */
  async discard(videoId: string): Promise<void> {
    await rm(this.pathOf(videoId), { force: true });
    await this.records.drop(videoId);
  }
}

function uploadOf(record: UploadRecord | undefined, offset = 0): Upload | undefined {
  if (record === undefined) return undefined;
  return new Upload({
    id: record.videoId,
    size: record.sizeBytes,
    offset,
    metadata: { ...record.metadata },
    creation_date: new Date(record.since).toISOString(),
  });
}
