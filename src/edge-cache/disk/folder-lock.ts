/**
 * One process a folder: a file with the holder's process and when that started. One whose process is gone (SIGKILL) is taken over.
 *
 * Lives from `lockFolder` to the call of what that returns.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inUse } from './disk-failure.js';
import { errnoOf } from './files.js';

const tries = 3;

/** Throws `edge-cache.disk-in-use`, or an error of the file system's. */
export function lockFolder(folder: string): () => void {
  const path = join(resolve(folder), 'edge.lock');
  for (let tried = 0; tried < tries; tried += 1) {
    if (created(path)) return () => release(path);
    const holder = readHolder(path);
    if (holder !== null && startOf(holder.pid) === holder.start) throw inUse(folder, holder.pid);
    rmSync(path, { force: true });
  }
  throw inUse(folder, readHolder(path)?.pid ?? 0);
}

function created(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid} ${startOf(process.pid)}\n`, { flag: 'wx', mode: 0o640 });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The folder may be gone, or fail: then there is nothing to give back. */
function release(path: string): void {
  try {
    if (readHolder(path)?.pid === process.pid) rmSync(path, { force: true });
  } catch {
    return;
  }
}

function readHolder(path: string): { pid: number; start: string } | null {
  try {
    const [pid = '', start = ''] = readFileSync(path, 'utf8').trim().split(' ');
    return /^\d+$/.test(pid) ? { pid: Number(pid), start } : null;
  } catch {
    return null;
  }
}

/** When a process started, in clock ticks since boot (proc(5), field 22): tells a process from a later one of the same number. */
function startOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
