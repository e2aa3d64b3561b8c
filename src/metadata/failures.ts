import { Failure } from '../telemetry/failure.js';

/** Every way in which the catalog can fail its operator. */
export type MetadataFailureCode =
  | 'metadata.bad-entry'
  | 'metadata.unknown-entry'
  | 'metadata.newer-schema'
  | 'metadata.in-use'
  | 'metadata.open-failed'
  | 'metadata.disk-full'
  | 'metadata.write-failed'
  | 'metadata.read-failed'
  | 'metadata.overloaded'
  | 'metadata.stopped';

export type MetadataFailure = Failure<MetadataFailureCode>;

/** A failure as it crosses from the catalog's thread: structured cloning would keep an Error's message alone. */
export interface FailureFacts {
  readonly code: MetadataFailureCode;
  readonly message: string;
  readonly hint: string;
}

export const failureFacts = ({ code, message, hint }: MetadataFailure): FailureFacts => ({ code, message, hint });

export const failureFrom = ({ code, message, hint }: FailureFacts): MetadataFailure =>
  new Failure(code, message, { hint });

const NO_SPACE = 'Free space on the disk that holds the data folder; nothing that was acknowledged is lost.';
const NO_RIGHT = 'Check that this user may write to the data folder, and that its disk is not mounted read-only.';

/** By SQLite's primary result code, or by the system's where the file itself is made. */
const HINTS: Readonly<Record<string, { code: MetadataFailureCode; hint: string }>> = {
  SQLITE_FULL: { code: 'metadata.disk-full', hint: NO_SPACE },
  ENOSPC: { code: 'metadata.disk-full', hint: NO_SPACE },
  SQLITE_BUSY: {
    code: 'metadata.in-use',
    hint: 'Another process holds this data folder. Stop it, or choose another folder with --data.',
  },
  SQLITE_CANTOPEN: { code: 'metadata.open-failed', hint: NO_RIGHT },
  SQLITE_READONLY: { code: 'metadata.open-failed', hint: NO_RIGHT },
  EACCES: { code: 'metadata.open-failed', hint: NO_RIGHT },
  EROFS: { code: 'metadata.open-failed', hint: NO_RIGHT },
  ENOTDIR: {
    code: 'metadata.open-failed',
    hint: 'Part of the path is a file, not a folder: choose another with --data.',
  },
  EEXIST: {
    code: 'metadata.open-failed',
    hint: 'Part of the path is a file, not a folder: choose another with --data.',
  },
  SQLITE_NOTADB: {
    code: 'metadata.open-failed',
    hint: 'The catalog file is not an SQLite file. Restore it from a backup, or move it away to start anew.',
  },
  SQLITE_CORRUPT: {
    code: 'metadata.open-failed',
    hint: 'The catalog file is damaged. Check the disk, then restore the file from a backup.',
  },
};

/** Turns whatever SQLite or the file system threw into a failure with a hint; `otherwise` is the code for what has no hint of its own. */
export function sqliteFailure(error: unknown, doing: string, otherwise: MetadataFailureCode): MetadataFailure {
  if (error instanceof Failure) return error as MetadataFailure;
  const raw = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = HINTS[raw.split('_').slice(0, 2).join('_')];
  const words = error instanceof Error ? error.message : String(error);
  return new Failure(known?.code ?? otherwise, `${doing}: ${words}${raw === '' ? '' : ` (${raw})`}`, {
    hint: known?.hint ?? 'See the message; if the disk and its folder are sound, this is a bug worth reporting.',
    cause: error,
  });
}
