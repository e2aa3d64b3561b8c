import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure, messageOf } from '../telemetry/failure.js';
import type { ReadyFile } from './api-client.js';

/**
 * The one folder that holds a box's state, and what stands at its top: the lock (one box per folder), the secrets, and
 * ready.json. Lifetime: opened first (takes the lock), closed last (gives it back).
 */
export interface DataFolder {
  readonly path: string;
  /** A subfolder, made when it is not there. */
  folder(name: string): string;
  /** What the API's tokens are signed with. */
  readonly tokenSecret: Uint8Array;
  readonly operatorToken: string;
  writeReady(ready: ReadyFile, copies: readonly string[]): void;
  close(): void;
}

/** The VOD packager takes paths in a list of `key=value,…` and has no way to quote these. */
const unusable = /[,=$]/;

export function openDataFolder(path: string): DataFolder {
  const root = resolve(path);
  if (unusable.test(root)) {
    throw new Failure('cli.data-folder', `the data folder ${root} cannot be used`, {
      hint: 'Choose one whose path has no comma, equals sign or dollar sign.',
    });
  }
  try {
    mkdirSync(root, { recursive: true, mode: 0o750 });
    accessSync(root, constants.W_OK);
  } catch (cause) {
    throw new Failure('cli.data-folder', `the data folder ${root} cannot be written: ${messageOf(cause)}`, {
      hint: 'Name another with --data DIR, or give this user the right to write there.',
      cause,
    });
  }
  const release = lock(root);
  const readyPath = join(root, 'ready.json');
  rmSync(readyPath, { force: true });
  return {
    path: root,
    folder(name) {
      const folder = join(root, name);
      mkdirSync(folder, { recursive: true, mode: 0o750 });
      return folder;
    },
    tokenSecret: Buffer.from(keptSecret(join(root, 'token.secret')), 'base64url'),
    operatorToken: keptSecret(join(root, 'operator.token')),
    writeReady(ready, copies) {
      for (const target of [readyPath, ...copies]) replaceFile(target, `${JSON.stringify(ready)}\n`, 0o644);
    },
    close() {
      rmSync(readyPath, { force: true });
      release();
    },
  };
}

/** The secret in the file, made at the first start; only the box's user may read it. */
function keptSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    const secret = randomBytes(32).toString('base64url');
    replaceFile(path, `${secret}\n`, 0o600);
    return secret;
  }
}

function replaceFile(path: string, text: string, mode: number): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode });
  renameSync(draft, path);
}

/** Holds `box.lock` with our pid and the time it started; a lock whose process is gone (SIGKILL) is taken over. */
function lock(root: string): () => void {
  const path = join(root, 'box.lock');
  const holder = readHolder(path);
  if (holder !== null && holder.pid !== process.pid && startOf(holder.pid) === holder.start) {
    throw new Failure('cli.data-in-use', `another box (process ${holder.pid}) runs on ${root}`, {
      hint: 'Stop it first, or give this one a folder of its own with --data DIR.',
    });
  }
  replaceFile(path, `${process.pid} ${startOf(process.pid)}\n`, 0o600);
  return () => rmSync(path, { force: true });
}

function readHolder(path: string): { pid: number; start: string } | null {
  try {
    const [pid = '', start = ''] = readFileSync(path, 'utf8').trim().split(' ');
    return /^\d+$/.test(pid) ? { pid: Number(pid), start } : null;
  } catch {
    return null;
  }
}

/** When a process started, in clock ticks since boot (proc(5), field 22): tells a process from a later one of the same pid. */
function startOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
