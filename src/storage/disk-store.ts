/**
 * Objects as files below one folder: `objects/` mirrors the keys, `partial/` holds what is being written or deleted.
 *
 * An object is written to `partial/`, synced, and renamed into place, and the folder is synced: once `put` resolves it
 * survives a power cut, and no reader ever sees a part of it. One process owns the folder; what an earlier one left in
 * `partial/` is removed on opening. Deletions are not synced: an object that a power cut brings back is named by nobody.
 */
import { randomBytes } from 'node:crypto';
import { type BigIntStats, createReadStream, existsSync } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Log } from '../telemetry/log.js';
import { keysInOrder, type ListingScope } from './disk-listing.js';
import { chunksOf, makeFolderDurably, syncFile, syncFolder, writeAll } from './durable-file.js';
import { assertKeyPrefix, keyParts } from './object-key.js';
import type { ObjectFacts, ObjectStore, StoredObject } from './object-store.js';
import { diskFailure, errnoOf } from './storage-failure.js';

export interface DiskStoreOptions {
  /** The folder; it is made when missing. It must lie on one file system. */
  readonly root: string;
  readonly log: Log;
  /** Makes a new file to write to; for tests of disks that fail. */
  readonly createFile?: (path: string) => Promise<FileHandle>;
}

/** Keys of one page of a listing, unless fewer are asked for. */
const listLimitMax = 1000;
const readBytes = 256 * 1024;
/** A folder that a deletion removes under a `put` is made again, this often. */
const placeAttemptsMax = 5;
/** Why a file may have no second name here: another file system, one without hard links, too many names, or the system's policy. */
const unlinkable = ['EXDEV', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EPERM'];

/** Opens the store. Throws `StorageFailure` when the folder cannot be used. */
export async function openDiskStore(options: DiskStoreOptions): Promise<DiskStore> {
  const store = new DiskStore(options);
  await store.prepare();
  return store;
}

export class DiskStore implements ObjectStore {
  readonly #root: string;
  readonly #objects: string;
  readonly #partial: string;
  readonly #log: Log;
  readonly #createFile: (path: string) => Promise<FileHandle>;

  constructor(options: DiskStoreOptions) {
    this.#root = options.root;
    this.#objects = join(options.root, 'objects');
    this.#partial = join(options.root, 'partial');
    this.#log = options.log;
    this.#createFile = options.createFile ?? ((path) => open(path, 'wx', 0o640));
  }

  async prepare(): Promise<void> {
    await this.#disk('opening the object store', async () => {
      await makeFolderDurably(this.#objects);
      await mkdir(this.#partial, { recursive: true });
      const left = await readdir(this.#partial);
      for (const name of left) await rm(join(this.#partial, name), { recursive: true, force: true });
      if (left.length > 0) this.#log.info({ removed: left.length }, 'removed unfinished objects of an earlier run');
    });
  }

  async put(key: string, body: Buffer | Readable, options: { signal?: AbortSignal } = {}): Promise<ObjectFacts> {
    // A source may fail before it is read from: it is heard of then, and must not end the process now.
    if (!Buffer.isBuffer(body)) body.on('error', () => {});
    const partial = this.#partialPath();
    try {
      const target = this.#fileOf(key);
      const facts = await this.#writePartial(partial, body, options.signal);
      await this.#disk('placing an object', () => this.#place(target, () => rename(partial, target)));
      return facts;
    } catch (error) {
      await unlink(partial).catch(() => {});
      throw error;
    } finally {
      if (!Buffer.isBuffer(body)) body.destroy();
    }
  }

  /** Moves a finished file on this box into the store: a rename where it lies on the same file system, else a copy. */
  async adopt(path: string, key: string): Promise<void> {
    const target = this.#fileOf(key);
    const moved = await this.#disk('adopting a file', async () => {
      await syncFile(path);
      return this.#place(target, () => rename(path, target)).then(
        () => true,
        (error) => {
          if (errnoOf(error) === 'EXDEV') return false;
          throw error;
        },
      );
    });
    if (moved) return;
    await this.put(key, createReadStream(path, { highWaterMark: readBytes }));
    await unlink(path);
  }

  /** A second name for the same bytes where it can be had (one file system that knows hard links), else a copy. */
  async putFile(key: string, path: string, options: { signal?: AbortSignal } = {}): Promise<ObjectFacts> {
    const target = this.#fileOf(key);
    const linked = await this.#disk('linking a file', async () => {
      await syncFile(path);
      return this.#place(target, () => this.#link(path, target)).then(
        () => true,
        (error) => {
          if (unlinkable.includes(errnoOf(error) ?? '')) return false;
          throw error;
        },
      );
    });
    if (!linked) return this.put(key, createReadStream(path, { highWaterMark: readBytes }), options);
    return this.#disk('placing an object', async () => factsOf(await stat(target, { bigint: true })));
  }

  async get(key: string, range?: { start: number; end: number }): Promise<StoredObject | null> {
    const path = this.#fileOf(key);
    const file = await this.#orNull('reading an object', () => open(path, 'r'));
    if (!file) return null;
    try {
      const stats = await file.stat({ bigint: true });
      if (!stats.isFile()) {
        await file.close();
        return null;
      }
      const body = file.createReadStream({ ...range, highWaterMark: readBytes });
      return { ...factsOf(stats), body };
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }

  async head(key: string): Promise<ObjectFacts | null> {
    const path = this.#fileOf(key);
    const stats = await this.#orNull('looking for an object', () => stat(path, { bigint: true }));
    return stats?.isFile() ? factsOf(stats) : null;
  }

  localPath(key: string): string | null {
    const path = this.#fileOf(key);
    return existsSync(path) ? path : null;
  }

  async delete(key: string): Promise<void> {
    const path = this.#fileOf(key);
    // A folder is no object: deleting it is deleting what is not there.
    await this.#orNull('deleting an object', () => unlink(path), ['EISDIR', 'EPERM']);
    await this.#pruneAbove(path);
  }

  async deletePrefix(prefix: string): Promise<void> {
    if (!prefix.endsWith('/')) throw new Error(`a prefix to delete ends in a slash: ${prefix}`);
    const folder = this.#fileOf(prefix.slice(0, -1));
    const doomed = this.#partialPath();
    // Moved aside first, so that all of it is gone at once.
    const moved = await this.#orNull('deleting objects', async () => {
      if (!(await stat(folder)).isDirectory()) return null;
      await rename(folder, doomed);
      return true;
    });
    if (!moved) return;
    await this.#disk('deleting objects', () => rm(doomed, { recursive: true, force: true }));
    await this.#pruneAbove(folder);
  }

  async list(prefix: string, options: { after?: string; limit?: number } = {}): Promise<string[]> {
    assertKeyPrefix(prefix);
    const limit = Math.min(options.limit ?? listLimitMax, listLimitMax);
    const scope: ListingScope = { prefix, after: options.after ?? '' };
    return this.#disk('listing objects', async () => {
      const keys: string[] = [];
      if (limit <= 0) return keys;
      for await (const key of keysInOrder(this.#objects, scope)) {
        keys.push(key);
        if (keys.length === limit) break;
      }
      return keys;
    });
  }

  async #writePartial(path: string, body: Buffer | Readable, signal?: AbortSignal): Promise<ObjectFacts> {
    const file = await this.#disk('writing an object', () => this.#createFile(path));
    try {
      for await (const chunk of chunksOf(body, signal)) {
        await this.#disk('writing an object', () => writeAll(file, chunk));
      }
      return await this.#disk('writing an object', async () => {
        await file.sync();
        return factsOf(await file.stat({ bigint: true }));
      });
    } finally {
      await file.close();
    }
  }

  /** `name` gives the target its name, whose folder is made when it is missing. Durable once it resolves. */
  async #place(target: string, name: () => Promise<void>): Promise<void> {
    const folder = dirname(target);
    for (let attempt = 1; ; attempt++) {
      try {
        await name();
        await syncFolder(folder);
        return;
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || attempt === placeAttemptsMax) throw error;
        await makeFolderDurably(folder);
      }
    }
  }

  /** Only a rename can take the place of what is there. */
  async #link(path: string, target: string): Promise<void> {
    try {
      await link(path, target);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      const partial = this.#partialPath();
      await link(path, partial);
      await rename(partial, target).finally(
        // Renaming one name of a file over another of the same file leaves both (rename(2)).
        () => unlink(partial).catch(() => {}),
      );
    }
  }

  /** Removes the folders above a deleted path that have become empty. */
  async #pruneAbove(path: string): Promise<void> {
    for (let folder = dirname(path); folder.length > this.#objects.length; folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch {
        return;
      }
    }
  }

  #fileOf(key: string): string {
    return join(this.#objects, ...keyParts(key));
  }

  #partialPath(): string {
    return join(this.#partial, randomBytes(12).toString('hex'));
  }

  async #disk<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw diskFailure(doing, this.#root, error);
    }
  }

  /** Null where nothing is at the path. */
  async #orNull<T>(doing: string, work: () => Promise<T>, alsoAbsent: readonly string[] = []): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      const errno = errnoOf(error) ?? '';
      if (['ENOENT', 'ENOTDIR', ...alsoAbsent].includes(errno)) return null;
      throw diskFailure(doing, this.#root, error);
    }
  }
}

/** Every `put` makes a new file, so inode, time and size together change with the content, and no sidecar is needed. */
function factsOf(stats: BigIntStats): ObjectFacts {
  const parts = [stats.ino, stats.mtimeNs, stats.size].map((value) => value.toString(36));
  return {
    size: Number(stats.size),
    etag: `"${parts.join('-')}"`,
    lastModified: new Date(Number(stats.mtimeMs)),
  };
}
