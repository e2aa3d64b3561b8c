import { UploadRefusal } from './upload-problem.js';

const FULL_CODES: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'storage.full', 'metadata.disk-full'];

/** Whether an error says that there is no room: from the system (full disk, used-up quota) or from the object store or the catalog. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && FULL_CODES.includes(error.code)) || isDiskFull(error.cause);
}

export function diskFull(cause?: unknown, words = 'There is no room left on this box for the upload.'): UploadRefusal {
  return new UploadRefusal(
    {
      status: 507,
      code: 'upload-disk-full',
      title: 'The disk is full',
      detail: words,
      hint: 'What has arrived is kept: ask the operator to free space, then resume the upload.',
    },
    cause,
  );
}
