import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import * as tus from 'tus-js-client';
import { Failure, messageOf } from '../telemetry/failure.js';
import type { BoxAccess } from './api-client.js';

/**
 * A resumable upload (tus 1.0). Where an upload stands is remembered per file (path, size, modification time) and
 * token in the user's state folder, so that the same command, run again after an interruption, goes on at the box's offset,
 * also when the box has another address by then.
 */
export interface UploadRequest {
  readonly file: string;
  readonly access: BoxAccess;
  readonly metadata: Readonly<Record<string, string>>;
  onProgress(sentBytes: number): void;
  onResume(offset: number): void;
}

// The types leave the Node-only class out.
const { FileUrlStorage } = tus as unknown as { FileUrlStorage: new (path: string) => tus.UrlStorage };

const uploadPath = '/v1/videos/upload';
/** A request per chunk: bounds what a broken connection repeats when a proxy in between buffers. */
const chunkBytes = 64 * 2 ** 20;

/** Resolves with the video's id once every byte is acknowledged. */
export async function uploadFile(request: UploadRequest): Promise<string> {
  const stream = createReadStream(request.file);
  try {
    return await new Promise((done, failed) => start(request, stream, done, failed));
  } finally {
    stream.destroy();
  }
}

function start(
  { file, access, metadata, onProgress, onResume }: UploadRequest,
  stream: ReturnType<typeof createReadStream>,
  done: (videoId: string) => void,
  failed: (error: Error) => void,
): void {
  const upload = new tus.Upload(stream as unknown as Blob, {
    endpoint: access.url + uploadPath,
    headers: { authorization: `Bearer ${access.token}` },
    metadata: { ...metadata },
    chunkSize: chunkBytes,
    retryDelays: [500, 1000, 2000, 4000, 8000],
    urlStorage: new FileUrlStorage(rememberedUploads()),
    fingerprint: async () => fingerprint(file, access.token),
    removeFingerprintOnSuccess: true,
    onProgress: (sent) => onProgress(sent),
    onError: (error) => failed(uploadFailure(file, error)),
    onSuccess: () => done(upload.url?.split('/').at(-1) ?? ''),
  });
  upload
    .findPreviousUploads()
    .then((previous) => {
      const last = previous.at(-1);
      if (last?.uploadUrl) {
        upload.resumeFromPreviousUpload({ ...last, uploadUrl: access.url + new URL(last.uploadUrl).pathname });
        upload.options.onAfterResponse = (sent, answer) => {
          const offset = Number(answer.getHeader('Upload-Offset'));
          if (sent.getMethod() === 'HEAD' && offset > 0) onResume(offset);
        };
      }
      upload.start();
    })
    .catch((error) => failed(uploadFailure(file, error)));
}

function fingerprint(file: string, token: string): string {
  const { size, mtimeMs } = statSync(file);
  return createHash('sha256')
    .update([resolve(file), size, mtimeMs, token].join('\0'))
    .digest('hex');
}

/** The file where open uploads are remembered; one torn by a crash is started anew. */
function rememberedUploads(): string {
  const folder = join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'headwater');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'uploads.json');
  try {
    JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    rmSync(path, { force: true });
  }
  return path;
}

function uploadFailure(file: string, error: unknown): Failure {
  const answer = error instanceof tus.DetailedError ? error.originalResponse : null;
  const words = answer
    ? (problemWords(answer.getBody()) ?? `the box answered ${answer.getStatus()}`)
    : messageOf(error);
  return new Failure('cli.upload-failed', `${file}: the upload failed: ${words}`, {
    hint: 'Run the same command again: it goes on where it stopped.',
    cause: error,
  });
}

function problemWords(body: string): string | null {
  try {
    const problem: { detail?: string; title?: string } = JSON.parse(body);
    return problem.detail ?? problem.title ?? null;
  } catch {
    return body.trim().slice(0, 300) || null;
  }
}
