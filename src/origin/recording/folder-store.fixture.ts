import { createReadStream } from 'node:fs';
import { link, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ObjectFacts } from '../object-reader.js';
import type { RecordingStore } from './recording-store.js';

/** A store in a folder, that can be made to fail and to be slow. */
export class FolderStore implements RecordingStore {
  readonly folder: string;
  /** What every put comes to; null: it works. */
  failure: Error | null = null;
  slowMs = 0;
  puts = 0;
  links = 0;
  /** Keys that are not put, whatever it says. */
  readonly swallowed = new Set<string>();

  constructor(folder: string) {
    this.folder = folder;
  }

  async put(key: string, body: Parameters<RecordingStore['put']>[1]): Promise<{ size: number }> {
    await this.#begin(key);
    if (!this.swallowed.has(key)) await writeFile(join(this.folder, key), body);
    return { size: (await this.head(key))?.size ?? 0 };
  }

  async putFile(key: string, path: string): Promise<{ size: number }> {
    await this.#begin(key);
    this.links += 1;
    if (!this.swallowed.has(key)) await link(path, join(this.folder, key)).catch(ignore('EEXIST'));
    return { size: (await this.head(key))?.size ?? 0 };
  }

  async head(key: string): Promise<ObjectFacts | null> {
    const facts = await stat(join(this.folder, key)).catch(ignore('ENOENT'));
    return facts ? { size: facts.size, etag: `"${facts.ino}"`, lastModified: facts.mtime } : null;
  }

  async get(key: string, range?: { start: number; end: number }) {
    const facts = await this.head(key);
    return facts && { ...facts, body: createReadStream(join(this.folder, key), range) };
  }

  async delete(key: string): Promise<void> {
    await rm(join(this.folder, key), { force: true });
  }

  async deletePrefix(prefix: string): Promise<void> {
    await rm(join(this.folder, prefix), { recursive: true, force: true });
  }

  /** Every key, in order. */
  async keys(): Promise<string[]> {
    const entries =
      (await readdir(this.folder, { recursive: true, withFileTypes: true }).catch(ignore('ENOENT'))) ?? [];
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name).slice(this.folder.length + 1)).sort();
  }

  async #begin(key: string): Promise<void> {
    this.puts += 1;
    if (this.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, this.slowMs));
    if (this.failure !== null) throw this.failure;
    await mkdir(dirname(join(this.folder, key)), { recursive: true });
  }
}

function ignore(code: string) {
  return (error: unknown): null => {
    if (error instanceof Error && 'code' in error && error.code === code) return null;
    throw error;
  };
}
