import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { ByteLengthQueuingStrategy } from 'node:stream/web';
import { Server } from '@tus/server';
import type { Staging } from './staging.js';
import type { UploadLocks } from './upload-locks.js';
import { sendProblem, type UploadProblem, UploadRefusal } from './upload-problem.js';
import { tusRefusal } from './upload-refusals.js';

export interface TusProtocolOptions {
  readonly path: string;
  readonly maxBytes: number;
  readonly staging: Staging;
  readonly locks: UploadLocks;
  /** Runs when the last byte is on disk, before the answer; what it throws becomes the answer. */
  readonly onWhole: (videoId: string) => Promise<void>;
  /** The problem that an unforeseen error is answered with. */
  readonly onFault: (error: unknown, req: IncomingMessage) => UploadProblem;
}

export type TusAnswer =
  | { readonly ok: true; readonly response: Response }
  | { readonly ok: false; readonly problem: UploadProblem };

/** A request that asks a writer to make way waits this long before the writer is cut. */
const DRAIN_MS = 1000;
/** What is read ahead of the disk for one request, bytes. */
const READ_AHEAD_BYTES = 256 * 1024;
const HEADERS = [
  'tus-resumable',
  'upload-length',
  'upload-offset',
  'upload-metadata',
  'content-type',
  'content-length',
];

interface Asked {
  readonly req: IncomingMessage;
  readonly videoId: string;
  problem: UploadProblem | null;
}

/**
 * The tus server behind our own door: it gets requests that were read and admitted already, as web requests with bounded
 * read-ahead, and its refusals come back as problems.
 */
export class TusProtocol {
  readonly #options: TusProtocolOptions;
  readonly #server: Server;
  readonly #asked = new WeakMap<object, Asked>();

  constructor(options: TusProtocolOptions) {
    this.#options = options;
    this.#server = new Server({
      path: options.path,
      relativeLocation: true,
      datastore: options.staging,
      maxSize: options.maxBytes,
      // None: the pages are of the same origin, other clients are no browsers.
      allowedOrigins: [],
      lockDrainTimeout: DRAIN_MS,
      locker: (request) => options.locks.lockerFor(request.method),
      namingFunction: (request) => this.#of(request).videoId,
      getFileIdFromRequest: (request) => this.#of(request).videoId,
      onUploadFinish: async (_request, upload) => {
        await options.onWhole(upload.id);
        return {};
      },
      onResponseError: (request, error) => this.#note(this.#of(request), error),
    });
  }

  /** `videoId` is the upload that the request is about (a new id for a creation, '' for OPTIONS). */
  async ask(req: IncomingMessage, videoId: string): Promise<TusAnswer> {
    const request = webRequest(req);
    const asked: Asked = { req, videoId, problem: null };
    this.#asked.set(request, asked);
    const response = await this.#server.handleWeb(request);
    if (response.status < 400) return { ok: true, response };
    const problem = asked.problem ?? tusRefusal(response.status, await response.text());
    return { ok: false, problem };
  }

  #of(request: object): Asked {
    const asked = this.#asked.get(request);
    if (asked === undefined) throw new Error('the tus server made a request of its own');
    return asked;
  }

  #note(asked: Asked, error: unknown): undefined {
    if (error instanceof UploadRefusal) asked.problem = error.problem;
    // The tus server throws its own refusals as plain objects or with a status; anything else is unforeseen.
    else if (error instanceof Error && !('status_code' in error))
      asked.problem = this.#options.onFault(error, asked.req);
  }
}

function webRequest(req: IncomingMessage): Request {
  const headers = new Headers();
  for (const name of HEADERS) {
    const value = req.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  const carries = req.method === 'PATCH' || (req.method === 'POST' && headers.get('content-type') === OFFSET_BYTES);
  // Any other body of a creation is nobody's: it is thrown away when the answer is sent.
  if (!carries) headers.delete('content-type');
  const strategy = new ByteLengthQueuingStrategy({ highWaterMark: READ_AHEAD_BYTES });
  const body = carries ? (Readable.toWeb(req, { strategy }) as ReadableStream<Uint8Array>) : null;
  return new Request(`http://upload${req.url}`, { method: req.method ?? 'GET', headers, body, duplex: 'half' });
}

const OFFSET_BYTES = 'application/offset+octet-stream';

/** Passes an answer of the tus server on. */
export function sendTusAnswer(req: IncomingMessage, res: ServerResponse, answer: TusAnswer): void {
  if (!answer.ok) {
    sendProblem(req, res, answer.problem);
    return;
  }
  if (res.destroyed) return;
  for (const [name, value] of answer.response.headers) {
    if (!name.startsWith('access-control-')) res.setHeader(name, value);
  }
  res.setHeader('Cache-Control', 'no-store');
  res.writeHead(answer.response.status);
  res.end();
}
