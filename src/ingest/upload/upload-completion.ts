import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { Log } from '../../telemetry/log.js';
import { diskFull, isDiskFull } from './disk-full.js';
import type { Staging } from './staging.js';
import type { RawStore, UploadCatalog } from './upload-catalog.js';
import type { UploadRecord } from './upload-record.js';

/** `gone`: the video was deleted meanwhile, and the upload with it. `partial`: bytes are missing still. */
export type CompletionOutcome = 'done' | 'partial' | 'gone';

export interface CompletionOptions {
  readonly staging: Staging;
  readonly catalog: UploadCatalog;
  readonly raw: RawStore;
  readonly log: Log;
  readonly onCompleted: () => void;
}

/**
 * Takes a whole upload from the staging folder to `video.uploaded`: synced, moved into the store, announced, marked.
 *
 * Each step can be repeated, so a crash between any two is healed by running it again; one run per upload at a time, owned
 * by the box and not by the request that asked for it. Ending it early (the uploader is gone) is impossible on purpose.
 */
export class UploadCompletion {
  readonly #options: CompletionOptions;
  readonly #running = new Map<string, Promise<CompletionOutcome>>();

  constructor(options: CompletionOptions) {
    this.#options = options;
  }

  /** Throws an UploadRefusal when the store is full, and whatever the store or the catalog throws; nothing is lost then. */
  complete(videoId: string): Promise<CompletionOutcome> {
    const running = this.#running.get(videoId);
    if (running !== undefined) return running;
    const run = this.#run(videoId).finally(() => this.#running.delete(videoId));
    this.#running.set(videoId, run);
    return run;
  }

  /** Resolves when nothing runs any more; failures belong to whoever asked. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  async #run(videoId: string): Promise<CompletionOutcome> {
    const record = this.#options.staging.records.find(videoId);
    if (record === undefined) return 'gone';
    if (record.state === 'finished') return 'done';
    const rawKey = `raw/${videoId}`;
    const stored = await this.#store(record, rawKey);
    return stored === 'stored' ? this.#announce(record, rawKey) : stored;
  }

  async #store(record: UploadRecord, rawKey: string): Promise<'stored' | 'partial' | 'gone'> {
    const { staging, raw, log } = this.#options;
    const bytes = await staging.stagedBytes(record.videoId);
    if (bytes === null) {
      // A former life moved the file and died before it could say so.
      if ((await raw.head(rawKey))?.size === record.sizeBytes) return 'stored';
      log.error({ video: record.videoId }, 'the staged file has vanished; the upload is dropped');
      await staging.remove(record.videoId);
      return 'gone';
    }
    if (bytes < record.sizeBytes) return 'partial';
    await this.#move(staging.pathOf(record.videoId), rawKey);
    return 'stored';
  }

  async #move(path: string, rawKey: string): Promise<void> {
    const { raw } = this.#options;
    try {
      await syncFile(path);
      if (raw.adopt) await raw.adopt(path, rawKey);
      else await raw.put(rawKey, createReadStream(path));
    } catch (error) {
      throw isDiskFull(error) ? diskFull(error, 'The object store has no room for the uploaded file.') : error;
    }
  }

  async #announce(record: UploadRecord, rawKey: string): Promise<CompletionOutcome> {
    const { staging, catalog, raw, log, onCompleted } = this.#options;
    const { videoId, sizeBytes } = record;
    const data = { videoId, rawKey, sizeBytes };
    const verdict = await catalog.append({
      id: `uploaded-${videoId}`,
      v: 1,
      type: 'video.uploaded',
      at: Date.now(),
      data,
    });
    if (!verdict.applied && (verdict.reason === 'absent' || verdict.reason === 'denied')) {
      log.info({ video: videoId, reason: verdict.message }, 'the video was deleted during its upload');
      await staging.discard(videoId);
      await raw.delete(rawKey);
      return 'gone';
    }
    // A conflict says that the video has moved on already: a former life announced it.
    await staging.records.keep({ ...record, state: 'finished', since: Date.now() });
    await rm(staging.pathOf(videoId), { force: true });
    onCompleted();
    log.info({ video: videoId, bytes: sizeBytes }, 'upload complete');
    return 'done';
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
