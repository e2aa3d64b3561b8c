import type { IncomingMessage } from 'node:http';
import { VIDEO_ID } from '../../media/media-path.js';
import type { UploadProblem } from './upload-problem.js';

/** What a request on the upload path asks for, read before anything is done. */
export type UploadTarget =
  | { readonly kind: 'create' }
  | { readonly kind: 'upload'; readonly videoId: string }
  | { readonly kind: 'options' }
  | { readonly kind: 'refused'; readonly problem: UploadProblem };

const refused = (problem: UploadProblem): UploadTarget => ({ kind: 'refused', problem });

/** `path` is the collection's path, without a slash at the end. */
export function readUploadTarget(req: IncomingMessage, path: string): UploadTarget {
  const asked = (req.url ?? '').split('?', 1)[0] ?? '';
  const videoId = asked.startsWith(`${path}/`) ? asked.slice(path.length + 1) : null;
  const atCollection = asked === path || videoId === '';
  if (!atCollection && (videoId === null || !VIDEO_ID.test(videoId))) return refused(noSuchUpload);
  const allowed = atCollection ? ['POST', 'OPTIONS'] : ['HEAD', 'PATCH', 'DELETE', 'OPTIONS'];
  const method = req.method ?? '';
  if (!allowed.includes(method)) return refused(wrongMethod(method, allowed));
  if (method === 'OPTIONS') return { kind: 'options' };
  if (req.headers['tus-resumable'] !== '1.0.0') return refused(wrongVersion);
  return videoId === null || videoId === '' ? { kind: 'create' } : { kind: 'upload', videoId };
}

export const noSuchUpload: UploadProblem = {
  status: 404,
  code: 'upload-not-found',
  title: 'No such upload',
  detail: 'There is no upload at this address; it may have expired or been deleted.',
  hint: 'Start a new upload with POST /v1/videos/upload.',
};

const wrongMethod = (method: string, allowed: readonly string[]): UploadProblem => ({
  status: 405,
  code: 'upload-method',
  title: 'Method not allowed',
  detail: `${method} is not possible here; ${allowed.join(', ')} are.`,
  headers: { Allow: allowed.join(', ') },
});

const wrongVersion: UploadProblem = {
  status: 412,
  code: 'upload-version',
  title: 'tus version required',
  detail: 'Uploads speak tus 1.0.0: the request must carry Tus-Resumable: 1.0.0.',
  hint: 'Use a tus client (tus-js-client, Uppy, headwater video add).',
  headers: { 'Tus-Version': '1.0.0' },
};

/** The size that a creation declares, in bytes, or what is wrong with it. */
export function readUploadLength(req: IncomingMessage, maxBytes: number): number | UploadProblem {
  if (req.headers['upload-concat'] !== undefined)
    return lengthProblem('Parallel uploads (Upload-Concat) are not offered.');
  if (req.headers['upload-defer-length'] !== undefined) {
    return lengthProblem('The size must be known at the start: Upload-Defer-Length is not offered.');
  }
  const header = req.headers['upload-length'];
  if (typeof header !== 'string' || !/^(0|[1-9]\d{0,14})$/.test(header)) {
    return lengthProblem("Upload-Length must give the file's size in bytes.");
  }
  const sizeBytes = Number(header);
  if (sizeBytes === 0) {
    return {
      status: 422,
      code: 'upload-empty',
      title: 'The file is empty',
      detail: 'A file of 0 bytes holds no video.',
    };
  }
  return sizeBytes > maxBytes ? tooLarge(sizeBytes, maxBytes) : sizeBytes;
}

const lengthProblem = (detail: string): UploadProblem => ({
  status: 400,
  code: 'upload-length',
  title: 'The upload needs its length',
  detail,
  hint: 'Send Upload-Length with the whole size of the file.',
});

const tooLarge = (sizeBytes: number, maxBytes: number): UploadProblem => ({
  status: 413,
  code: 'upload-too-large',
  title: 'The file is too large',
  detail: `The file has ${sizeBytes} bytes; this box takes up to ${maxBytes}.`,
  hint: 'The operator can raise the limit for uploads in the configuration.',
  headers: { 'Tus-Max-Size': String(maxBytes) },
});

/** What is wrong with the head of a PATCH (tus 1.0, "PATCH"), or null. */
export function patchFault(req: IncomingMessage): UploadProblem | null {
  if (req.headers['content-type'] !== 'application/offset+octet-stream') {
    const detail = 'The body of a PATCH must be application/offset+octet-stream.';
    return { status: 415, code: 'upload-media-type', title: 'Wrong media type', detail };
  }
  const offset = req.headers['upload-offset'];
  if (typeof offset === 'string' && /^(0|[1-9]\d{0,14})$/.test(offset)) return null;
  const detail = 'Upload-Offset must say at which byte the body begins.';
  return { status: 400, code: 'upload-offset', title: 'The offset is missing', detail };
}
