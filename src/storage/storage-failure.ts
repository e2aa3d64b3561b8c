import { Failure } from '../telemetry/failure.js';

export type StorageFailureCode =
  /** There is no room for the object. */
  | 'storage.full'
  /** The key is none, or is the folder of another key. */
  | 'storage.bad-key'
  /** The system denies access to the store's folder. */
  | 'storage.denied'
  /** The device or the system fails; `cause` has its words. */
  | 'storage.failed';

export type StorageFailure = Failure<StorageFailureCode>;

export function storageFailure(
  code: StorageFailureCode,
  message: string,
  options: { hint: string; cause?: unknown },
): StorageFailure {
  return new Failure(code, message, options);
}

/** The system's error number by name (`ENOSPC`), if the thrown value has one. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Turns what a file-system call threw into words for the operator. */
export function diskFailure(doing: string, root: string, cause: unknown): StorageFailure {
  switch (errnoOf(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return storageFailure('storage.full', `no room for ${doing} in ${root}`, {
        hint: `Free space on the disk that holds ${root} (df -h and df -i show bytes and inodes), or delete videos.`,
        cause,
      });
    case 'EEXIST':
    case 'EISDIR':
    case 'ENOTDIR':
    case 'ENOTEMPTY':
      return storageFailure('storage.bad-key', `${doing}: one key may not be the folder of another`, {
        hint: 'Choose a key that neither begins with another key and a slash, nor is such a beginning.',
        cause,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return storageFailure('storage.denied', `not allowed: ${doing} in ${root}`, {
        hint: `Give the user that runs Headwater the right to write in ${root}, and see that it is not mounted read-only.`,
        cause,
      });
    default:
      return storageFailure('storage.failed', `${doing} failed in ${root}`, {
        hint: 'The cause has the words of the system; dmesg may tell of a failing disk.',
        cause,
      });
  }
}
