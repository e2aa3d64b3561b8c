import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { RecordingStore } from '../src/origin/recording/recording-store.js';
import type { DiskStore } from '../src/storage/disk-store.js';

/** A real object store that can be made slow, and made to refuse. */
export class FaultyStore implements RecordingStore {
  /** How much longer each put takes. */
  slowMs = 0;
  /** What every put comes to; null: it works. */
  failure: Error | null = null;
  /** Puts that came to nothing. */
  refused = 0;
  readonly #store: DiskStore;

  constructor(store: DiskStore) {
    this.#store = store;
  }

  put(key: string, body: Buffer | Readable, options?: { signal?: AbortSignal }): Promise<{ size: number }> {
    return this.#tried(() => this.#store.put(key, body, options));
  }

  putFile(key: string, path: string, options?: { signal?: AbortSignal }): Promise<{ size: number }> {
    return this.#tried(() => this.#store.putFile(key, path, options));
  }

  get(key: string, range?: { start: number; end: number }): ReturnType<DiskStore['get']> {
    return this.#store.get(key, range);
  }

  head(key: string): ReturnType<DiskStore['head']> {
    return this.#store.head(key);
  }

  delete(key: string): Promise<void> {
    return this.#store.delete(key);
  }

  deletePrefix(prefix: string): Promise<void> {
    return this.#store.deletePrefix(prefix);
  }

  async #tried<Facts>(put: () => Promise<Facts>): Promise<Facts> {
    try {
      await wait(this.slowMs);
      if (this.failure !== null) throw this.failure;
      return await put();
    } catch (error) {
      this.refused += 1;
      throw error;
    }
  }
}

/**
 * A small file system of its own in memory, where the system lets us mount one.
 *
 * Lifetime: from `mount` to `unmount`.
 */
export class SmallDisk {
  readonly folder: string;
  readonly #mebibytes: number;
  readonly #filler: string;

  private constructor(folder: string, mebibytes: number) {
    this.folder = folder;
    this.#mebibytes = mebibytes;
    this.#filler = join(folder, 'filler');
  }

  /** @param folder empty. Null: it may not be mounted here. */
  static mount(folder: string, mebibytes = 48): SmallDisk | null {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], { stdio: 'ignore' });
      return new SmallDisk(folder, mebibytes);
    } catch {
      return null;
    }
  }

  /** Until nothing more goes onto it. */
  fill(): void {
    const file = openSync(this.#filler, 'w');
    const block = Buffer.alloc(4096);
    try {
      for (let blocks = 0; blocks <= this.#mebibytes * 256; blocks += 1) writeSync(file, block);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  unmount(): void {
    execFileSync('umount', [this.folder], { stdio: 'ignore' });
  }
}
