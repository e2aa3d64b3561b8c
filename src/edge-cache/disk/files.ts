/** The few calls of the file system that a disk of the cache needs, so that tests can have them fail. */
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';

export interface OpenFile {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  writev(buffers: readonly Uint8Array[], position: number): Promise<{ bytesWritten: number }>;
  stat(): Promise<{ size: number }>;
  close(): Promise<void>;
}

export interface Files {
  open(path: string, flags: string): Promise<OpenFile>;
  readFile(path: string): Promise<Buffer>;
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Nothing where there is none. */
  remove(path: string): Promise<void>;
  list(folder: string): Promise<string[]>;
  makeFolder(path: string): Promise<void>;
  /** What file system a folder is on. */
  device(path: string): Promise<number>;
}

export const realFiles: Files = {
  open: (path, flags) => open(path, flags, 0o640),
  readFile: (path) => readFile(path),
  writeFile: (path, bytes) => writeFile(path, bytes, { mode: 0o640 }),
  rename,
  remove: (path) => rm(path, { force: true }),
  list: (folder) => readdir(folder),
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o750 });
  },
  device: async (path) => (await stat(path)).dev,
};

/** `ENOENT`; `''` where it is no error of the system's. */
export const errnoOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** As many bytes as there are, at most what the buffer takes. A disk that hangs fails after `waitMs`. */
export async function readAt(file: OpenFile, into: Buffer, position: number, waitMs: number): Promise<Buffer> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await within(waitMs, file.read(into, filled, into.length - filled, position + filled));
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return into.subarray(0, filled);
}

/** Writes all of it, in as few calls as the system lets us. */
export async function writeAt(file: OpenFile, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = buffers.filter(({ length }) => length > 0);
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    if (bytesWritten === 0) throw Object.assign(new Error('nothing more is taken'), { code: 'ENOSPC' });
    at += bytesWritten;
    rest = without(rest, bytesWritten);
  }
}

function without(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  return buffers.flatMap((buffer) => {
    const taken = Math.min(left, buffer.length);
    left -= taken;
    return taken === buffer.length ? [] : [buffer.subarray(taken)];
  });
}

/** What hangs is let go; it may still end, for nobody. */
export async function within<Result>(waitMs: number, doing: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = Object.assign(new Error(`no answer for ${waitMs} ms`), { code: 'ETIMEDOUT' });
    timer = setTimeout(() => reject(error), waitMs);
  });
  try {
    return await Promise.race([doing, late]);
  } finally {
    clearTimeout(timer);
  }
}
