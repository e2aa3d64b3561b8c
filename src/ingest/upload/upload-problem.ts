import type { IncomingMessage, ServerResponse } from 'node:http';

/** What an uploader is told when something is refused: an RFC 9457 problem document. */
export interface UploadProblem {
  readonly status: number;
  /** Closed set of short names; the document's `type` is `urn:headwater:problem:<code>`. */
  readonly code: UploadProblemCode;
  readonly title: string;
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type UploadProblemCode =
  | 'upload-not-found'
  | 'upload-method'
  | 'upload-version'
  | 'upload-unauthenticated'
  | 'upload-forbidden'
  | 'upload-not-yours'
  | 'upload-too-large'
  | 'upload-length'
  | 'upload-empty'
  | 'upload-metadata'
  | 'upload-too-many'
  | 'upload-request'
  | 'upload-media-type'
  | 'upload-offset'
  | 'upload-busy'
  | 'upload-complete'
  | 'upload-gone'
  | 'upload-disk-full'
  | 'upload-closing'
  | 'upload-failed';

/** Carries a problem through code that can only throw; `status_code` and `body` are the names that the tus server reads. */
export class UploadRefusal extends Error {
  readonly problem: UploadProblem;
  readonly status_code: number;
  readonly body: string;

  constructor(problem: UploadProblem, cause?: unknown) {
    super(problem.detail, cause === undefined ? undefined : { cause });
    this.name = 'UploadRefusal';
    this.problem = problem;
    this.status_code = problem.status;
    this.body = problem.detail;
  }
}

const LINGER_MS = 2000;
const LINGER_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Answers with the problem. A sender in the middle of its body would never read the answer if the socket closed under it
 * (unread bytes make the kernel reset the connection), so the whole answer is written first, then what still arrives
 * is thrown away for up to 2 s or 32 MiB, and only then the connection closes (RFC 9112 §9.6).
 */
export function sendProblem(req: IncomingMessage, res: ServerResponse, problem: UploadProblem): void {
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  const { status, code, title, detail, hint, headers } = problem;
  const type = `urn:headwater:problem:${code}`;
  const body = Buffer.from(JSON.stringify({ type, title, status, detail, ...(hint ? { hint } : {}) }));
  const unread = !req.complete;
  res.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'Tus-Resumable': '1.0.0',
    ...(unread ? { Connection: 'close' } : {}),
    ...headers,
  });
  if (!unread) {
    res.end(req.method === 'HEAD' ? undefined : body);
    return;
  }
  if (req.method !== 'HEAD') res.write(body);
  linger(req, res);
}

function linger(req: IncomingMessage, res: ServerResponse): void {
  let left = LINGER_BYTES_MAX;
  const finish = () => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(finish, LINGER_MS);
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) finish();
  });
  req.once('end', finish);
  req.once('close', finish);
  req.on('error', () => finish());
  req.resume();
}
