/** The uploaded file as a path that ffmpeg can open: in place where the store is local, else fetched into scratch. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { VodObjects } from './job-board.js';

/** Null where the store has no such object. */
export async function rawFile(
  objects: VodObjects,
  key: string,
  scratch: string,
  signal: AbortSignal,
): Promise<string | null> {
  const local = objects.localPath(key);
  if (local !== null) return local;
  const stored = await objects.get(key);
  if (stored === null) return null;
  const path = join(scratch, 'source');
  await pipeline(stored.body, createWriteStream(path), { signal });
  return path;
}
