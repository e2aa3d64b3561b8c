import type { UploadProblem } from './upload-problem.js';

/** The refusals whose words are always the same, or nearly. */
export const unauthenticated: UploadProblem = {
  status: 401,
  code: 'upload-unauthenticated',
  title: 'Sign in first',
  detail: 'Uploading needs a signed-in user or an API token.',
  hint: 'Send Authorization: Bearer TOKEN, or sign in on the web page.',
  headers: { 'WWW-Authenticate': 'Bearer' },
};

/** What an error of `authenticate` says to the caller; null for one that is no refusal. */
export function credentialsProblem(error: unknown): UploadProblem | null {
  if (!(error instanceof Error && 'statusCode' in error)) return null;
  if (error.statusCode === 401) return { ...unauthenticated, detail: error.message };
  if (error.statusCode !== 403) return null;
  return { status: 403, code: 'upload-forbidden', title: 'Not allowed', detail: error.message };
}

export const notAllowed: UploadProblem = {
  status: 403,
  code: 'upload-forbidden',
  title: 'Not allowed to upload',
  detail: 'Your role on this box may watch, not upload.',
  hint: 'Ask the operator for the role of a creator.',
};

export const notYours: UploadProblem = {
  status: 403,
  code: 'upload-not-yours',
  title: 'Not your upload',
  detail: 'Only whoever began an upload, or the operator, may go on with it.',
};

export const alreadyComplete: UploadProblem = {
  status: 409,
  code: 'upload-complete',
  title: 'The upload is complete',
  detail: 'All of this file has arrived; nothing can be added to it.',
  hint: 'To remove the video, DELETE /v1/videos/<id>.',
};

export const videoDeleted: UploadProblem = {
  status: 410,
  code: 'upload-gone',
  title: 'The video was deleted',
  detail: 'The video was deleted while its file was being uploaded.',
};

export const closing: UploadProblem = {
  status: 503,
  code: 'upload-closing',
  title: 'The box is stopping',
  detail: 'The box is stopping; what has arrived is kept.',
  hint: 'Resume the upload when it is back.',
  headers: { 'Retry-After': '5' },
};

export const somethingFailed: UploadProblem = {
  status: 500,
  code: 'upload-failed',
  title: 'The upload could not be carried on',
  detail: 'Something failed on this box; what has arrived is kept.',
  hint: 'Resume the upload in a moment; the log of the box says more.',
};

export const badMetadata = (detail: string): UploadProblem => ({
  status: 400,
  code: 'upload-metadata',
  title: 'The metadata cannot be taken',
  detail,
});

export const tooMany = (detail: string): UploadProblem => ({
  status: 429,
  code: 'upload-too-many',
  title: 'Too many unfinished uploads',
  detail,
  hint: 'Finish or delete some of them, then try again.',
  headers: { 'Retry-After': '60' },
});

export const noRoom = (sizeBytes: number, freeBytes: number): UploadProblem => ({
  status: 507,
  code: 'upload-disk-full',
  title: 'The disk is full',
  detail: `The file has ${sizeBytes} bytes, and only ${freeBytes} are free on this box.`,
  hint: 'Ask the operator to free space.',
});

/** What the tus server's own refusals mean, by status. `words` are the server's. */
export function tusRefusal(status: number, words: string): UploadProblem {
  const title = 'The request cannot be carried out';
  return { status, ...(TUS_REFUSALS[status] ?? { code: 'upload-request', title, detail: words.trim() || title }) };
}

const TUS_REFUSALS: Readonly<Record<number, Omit<UploadProblem, 'status'>>> = {
  404: {
    code: 'upload-not-found',
    title: 'No such upload',
    detail: 'There is no upload at this address; it may have expired or been deleted.',
    hint: 'Start a new upload.',
  },
  409: {
    code: 'upload-offset',
    title: 'The offset does not match',
    detail: 'Upload-Offset is not where this upload stands.',
    hint: 'Ask for the offset with HEAD and go on from there.',
  },
  410: {
    code: 'upload-gone',
    title: 'The upload has expired',
    detail: 'Nothing came for too long, and the upload was given up.',
    hint: 'Start a new upload.',
  },
  413: {
    code: 'upload-too-large',
    title: 'The body is too long',
    detail: 'The body goes beyond the size that the upload declared.',
    hint: 'Declare the whole size with Upload-Length when the upload is created.',
  },
};
