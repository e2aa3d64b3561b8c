import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** The few things that the spool asks of a disk; small, so that a test can make it full. */
export interface SpoolDisk {
  makeFolder(path: string): Promise<void>;
  /** Whole or not at all: a reader sees nothing or everything. */
  write(path: string, bytes: Buffer | string): Promise<void>;
  append(path: string, text: string): Promise<void>;
  /** Returns once the file's bytes would survive a power cut. A file that is gone is no error. */
  sync(path: string): Promise<void>;
  /** A file or a folder with all that is in it; nothing there is no error. */
  remove(path: string): Promise<void>;
  /** Names in a folder; empty when it does not exist. */
  list(path: string): Promise<string[]>;
  /** Bytes and last change, or null when there is no such file. */
  size(path: string): Promise<{ readonly bytes: number; readonly changedAt: Date } | null>;
  lines(path: string): AsyncIterable<string>;
  read(path: string, range?: { start: number; end: number }): Readable;
}

export const localDisk: SpoolDisk = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
  },

  async write(path, bytes) {
    const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await writeFile(draft, bytes);
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  },

  append: (path, text) => appendFile(path, text),

  async sync(path) {
    const file = await open(path, 'r').catch(ignoreMissing);
    if (file === null) return;
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  },

  remove: (path) => rm(path, { recursive: true, force: true }),

  async list(path) {
    return (await readdir(path).catch(ignoreMissing)) ?? [];
  },

  async size(path) {
    const facts = await stat(path).catch(ignoreMissing);
    return facts?.isFile() ? { bytes: facts.size, changedAt: facts.mtime } : null;
  },

  async *lines(path) {
    const facts = await stat(join(path)).catch(ignoreMissing);
    if (facts === null) return;
    const input = createReadStream(path, { encoding: 'utf8' });
    try {
      yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    } finally {
      input.destroy();
    }
  },

  read: (path, range) => createReadStream(path, range),
};

function ignoreMissing(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}
