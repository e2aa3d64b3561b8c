/**
 * The file (or stdout) of the access log, written behind the requests' backs.
 *
 * Lives from `openAccessLogFile` to `close`. Opened anew by `reopen` (SIGHUP), and by itself soon after the file was renamed or
 * deleted, as logrotate does. Bounded: beyond what may wait for the disk, lines are dropped and counted.
 */
import { close, closeSync, fstat, open, openSync, stat } from 'node:fs';
import { pino } from 'pino';
import { Failure, messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { AccessLines } from './access-log.js';

export interface AccessLogFile extends AccessLines {
  reopen(): void;
  /** What waits is written. */
  close(): Promise<void>;
}

export interface AccessLogFileOptions {
  /** A path; null: stdout. */
  readonly file: string | null;
  readonly log: Log;
  /** How often it is looked whether the file is still there. */
  readonly lookMs?: number;
}

/** Waiting for the disk. */
const waitingBytesMax = 8 * 1024 * 1024;
/** A disk that does not take what waits is left behind. */
const closeMs = 2000;

/** What its types do not tell of it. */
type Destination = ReturnType<typeof pino.destination> & { readonly fd: number; readonly destroyed: boolean };

/** Throws a `Failure` when the file cannot be written. */
export function openAccessLogFile(options: AccessLogFileOptions): AccessLogFile {
  const { file } = options;
  if (file !== null) tryOut(file);
  const dest = pino.destination({ dest: file ?? 1, sync: false, maxLength: waitingBytesMax }) as Destination;
  let dropped = false;
  dest.on('drop', () => {
    dropped = true;
  });
  hearTrouble(dest, options);
  const timer = file === null ? null : setInterval(() => lookAfter(dest, file), options.lookMs ?? 5000).unref();
  let closing: Promise<void> | null = null;
  return {
    write: (line) => {
      if (closing !== null) return false;
      dropped = false;
      dest.write(line);
      return !dropped;
    },
    reopen: () => {
      if (file !== null) reopen(dest, file);
    },
    close() {
      if (timer !== null) clearInterval(timer);
      closing ??= closed(dest);
      return closing;
    },
  };
}

function tryOut(file: string): void {
  try {
    closeSync(openSync(file, 'a', 0o640));
  } catch (error) {
    throw new Failure('edge-cache.access-log', `the access log cannot be written: ${messageOf(error)}`, {
      hint: 'Name a file in a folder that exists and that this user may write to (edge.accessLog.to), or stdout.',
      cause: error,
    });
  }
}

/** A disk that fails fails at every line: it is told once a minute. */
function hearTrouble(dest: Destination, { file, log }: AccessLogFileOptions): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  dest.on('error', (error: Error) => {
    if (performance.now() - toldAt < 60_000) return;
    toldAt = performance.now();
    log.error({ file, reason: messageOf(error) }, 'the access log cannot be written');
  });
}

/** Whether the name still leads to the file that is written to. */
function lookAfter(dest: Destination, file: string): void {
  const { fd: descriptor } = dest;
  // It is being opened, or closed.
  if (descriptor < 0 || dest.destroyed) return;
  fstat(descriptor, (lost, opened) => {
    if (lost !== null) return;
    stat(file, (absent, named) => {
      if (absent !== null || named.ino !== opened.ino || named.dev !== opened.dev) reopen(dest, file);
    });
  });
}

/** Where it cannot be opened (its folder is gone), the old one is written to until it can. */
function reopen(dest: Destination, file: string): void {
  open(file, 'a', 0o640, (refused, descriptor) => {
    if (refused !== null) {
      dest.emit('error', refused);
      return;
    }
    close(descriptor, () => {
      if (!dest.destroyed) dest.reopen();
    });
  });
}

/** Of stdout, only what waits is written. */
function closed(dest: Destination): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, closeMs);
    dest.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    dest.end();
  });
}
