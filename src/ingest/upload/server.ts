import { randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { diskFull, isDiskFull } from './disk-full.js';
import { Staging } from './staging.js';
import { sendTusAnswer, TusProtocol } from './tus-protocol.js';
import { deletionOf, type RawStore, type UploadCatalog } from './upload-catalog.js';
import { UploadCompletion } from './upload-completion.js';
import { UploadLocks } from './upload-locks.js';
import { readUploadMetadata } from './upload-metadata.js';
import { sendProblem, type UploadProblem, UploadRefusal } from './upload-problem.js';
import type { UploadRecord } from './upload-record.js';
import * as refusals from './upload-refusals.js';
import { noSuchUpload, patchFault, readUploadLength, readUploadTarget } from './upload-request.js';
import { sweepUploads } from './upload-sweep.js';

export interface UploadsOptions {
  readonly stagingDir: string;
  /** The largest file taken, bytes. */
  readonly maxBytes: number;
  /** The collection's path, without a slash at the end: `/v1/videos/upload`. */
  readonly path: string;
  /** Null for nobody; may throw an error with `statusCode` 401 or 403, whose words are passed on. */
  readonly authenticate: (req: IncomingMessage) => Promise<Uploader | null>;
  readonly catalog: UploadCatalog;
  readonly raw: RawStore;
  readonly log: Log;
  readonly metrics: Metrics;
  /** An upload without a byte for this long is deleted, its video with it. Default 24 h. */
  readonly expireAfterMs?: number;
  /** How often whole and expired uploads are looked for. Default 60 s. */
  readonly sweepEveryMs?: number;
  /** Unfinished uploads at a time: on this box, and of one user. Defaults 1000 and 100. */
  readonly uploadsMax?: number;
  readonly uploadsPerUserMax?: number;
}

interface Uploader {
  readonly userId: string;
  /** Operators may go on with and delete anybody's uploads. */
  readonly operator?: boolean;
  /** False for whoever may only watch. */
  readonly mayCreate?: boolean;
}

export interface Uploads {
  /** Answers every request at `path` and below; for `node:http`. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** Lets go of an upload whose video was deleted; a request that is sending bytes is cut, within about a second. */
  discard(videoId: string): Promise<void>;
  /** Cuts the uploads in flight (they resume at their offset) and waits up to 5 s for completions. */
  close(): Promise<void>;
}

const EXPIRE_AFTER_MS = 24 * 60 * 60 * 1000;
const SWEEP_EVERY_MS = 60_000;
const CLOSE_MS = 5000;

/**
 * Opens the upload server over its staging folder and takes up what a former life left there: whole uploads are completed,
 * broken creations are taken back, the others wait for their uploader. Throws when the folder cannot be used.
 */
export async function openUploads(options: UploadsOptions): Promise<Uploads> {
  const staging = await Staging.open({
    directory: options.stagingDir,
    expireAfterMs: options.expireAfterMs ?? EXPIRE_AFTER_MS,
    announce: (record) => announce(record, options.catalog),
    retract: async (videoId) => void (await options.catalog.append(deletionOf(videoId))),
  });
  const server = new UploadServer(staging, options);
  server.start();
  return server;
}

async function announce(record: UploadRecord, catalog: UploadCatalog): Promise<void> {
  const { videoId, ownerId: uploaderId, title, description, sizeBytes, since: at } = record;
  const data = { videoId, uploaderId, title, description, sizeBytes };
  const verdict = await catalog.append({ id: `created-${videoId}`, v: 1, type: 'video.created', at, data });
  if (!verdict.applied) throw new Error(`the catalog refused ${videoId}: ${verdict.message}`);
}

/** Lifetime: `start` → requests → `close`, after which every request is answered 503. */
class UploadServer implements Uploads {
  readonly #options: UploadsOptions;
  readonly #staging: Staging;
  readonly #completion: UploadCompletion;
  readonly #tus: TusProtocol;
  readonly #locks = new UploadLocks();
  readonly #active = new Set<IncomingMessage>();
  readonly #ended;
  #sweeping: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(staging: Staging, options: UploadsOptions) {
    const { catalog, raw, log, metrics, path, maxBytes } = options;
    this.#options = options;
    this.#staging = staging;
    this.#ended = metrics.counter('uploads_ended_total', 'Uploads by how they ended: completed, or expired.', [
      'outcome',
    ]);
    const onCompleted = () => this.#ended.inc({ outcome: 'completed' });
    this.#completion = new UploadCompletion({ staging, catalog, raw, log, onCompleted });
    this.#tus = new TusProtocol({
      path,
      maxBytes,
      staging,
      locks: this.#locks,
      onWhole: (videoId) => this.#complete(videoId),
      onFault: (error, req) => this.#problemOf(error, req),
    });
  }

  start(): void {
    this.#sweep();
    this.#timer = setInterval(() => this.#sweep(), this.#options.sweepEveryMs ?? SWEEP_EVERY_MS);
    this.#timer.unref();
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    this.#active.add(req);
    // Without a listener a sender that breaks off would end the process.
    req.on('error', () => {});
    res.on('error', () => {});
    this.#serve(req, res)
      .catch((error: unknown) => sendProblem(req, res, this.#problemOf(error, req)))
      .finally(() => this.#active.delete(req));
  }

  async discard(videoId: string): Promise<void> {
    if (this.#staging.records.find(videoId) === undefined) return;
    await this.#locks.takingOver(videoId, () => this.#staging.discard(videoId));
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#timer);
    for (const req of this.#active) req.destroy();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([Promise.all([this.#sweeping, this.#completion.settled()]), late]);
    clearTimeout(timer);
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (this.#closing) return sendProblem(req, res, refusals.closing);
    const target = readUploadTarget(req, this.#options.path);
    if (target.kind === 'refused') return sendProblem(req, res, target.problem);
    if (target.kind === 'options') return sendTusAnswer(req, res, await this.#tus.ask(req, ''));
    const uploader = await this.#authenticate(req);
    if (target.kind === 'create') await this.#create(req, res, uploader);
    else await this.#continue(req, res, uploader, target.videoId);
  }

  async #authenticate(req: IncomingMessage): Promise<Uploader> {
    const uploader = await this.#options.authenticate(req).catch((error: unknown) => {
      const problem = refusals.credentialsProblem(error);
      throw problem === null ? error : new UploadRefusal(problem, error);
    });
    if (uploader === null) throw new UploadRefusal(refusals.unauthenticated);
    return uploader;
  }

  async #create(req: IncomingMessage, res: ServerResponse, uploader: Uploader): Promise<void> {
    const record = await this.#admit(req, uploader);
    if ('status' in record) return sendProblem(req, res, record);
    const { videoId } = record;
    this.#staging.draft(record);
    try {
      const answer = await this.#tus.ask(req, videoId);
      sendTusAnswer(req, res, answer);
      // Whoever was refused did not get the address and can never go on.
      if (!answer.ok) await this.#locks.ifFree(videoId, () => this.#staging.remove(videoId));
    } finally {
      this.#staging.forgetDraft(videoId);
    }
  }

  async #admit(
    req: IncomingMessage,
    { userId: ownerId, mayCreate = true }: Uploader,
  ): Promise<UploadRecord | UploadProblem> {
    if (!mayCreate) return refusals.notAllowed;
    const sizeBytes = readUploadLength(req, this.#options.maxBytes);
    if (typeof sizeBytes !== 'number') return sizeBytes;
    const words = readUploadMetadata(req.headers['upload-metadata']?.toString());
    if (!words.ok) return refusals.badMetadata(words.detail);
    const { bavail, bsize } = await statfs(this.#options.stagingDir);
    if (sizeBytes > bavail * bsize) return refusals.noRoom(sizeBytes, bavail * bsize);
    const { uploadsMax = 1000, uploadsPerUserMax = 100 } = this.#options;
    if (this.#staging.unfinished() >= uploadsMax) {
      return refusals.tooMany(`${uploadsMax} uploads are unfinished on this box.`);
    }
    if (this.#staging.unfinished(ownerId) >= uploadsPerUserMax) {
      return refusals.tooMany(`${uploadsPerUserMax} of your uploads are unfinished.`);
    }
    const { title, description, metadata } = words;
    return {
      videoId: newVideoId(),
      ownerId,
      sizeBytes,
      title,
      description,
      metadata,
      since: Date.now(),
      state: 'staged',
    };
  }

  async #continue(req: IncomingMessage, res: ServerResponse, uploader: Uploader, videoId: string): Promise<void> {
    const record = this.#staging.records.find(videoId);
    if (record === undefined) return sendProblem(req, res, noSuchUpload);
    if (record.ownerId !== uploader.userId && !uploader.operator) return sendProblem(req, res, refusals.notYours);
    const fault = req.method === 'PATCH' ? patchFault(req) : null;
    if (fault !== null) return sendProblem(req, res, fault);
    // A client takes an offset equal to the length for success: finish what is whole before saying so.
    if (req.method !== 'PATCH') await this.#complete(videoId);
    const finished = this.#staging.records.find(videoId)?.state === 'finished';
    if (finished && req.method !== 'HEAD') return sendProblem(req, res, refusals.alreadyComplete);
    sendTusAnswer(req, res, await this.#tus.ask(req, videoId));
  }

  async #complete(videoId: string): Promise<void> {
    if ((await this.#completion.complete(videoId)) === 'gone') throw new UploadRefusal(refusals.videoDeleted);
  }

  #problemOf(error: unknown, req: IncomingMessage): UploadProblem {
    if (error instanceof UploadRefusal) return error.problem;
    if (isDiskFull(error)) {
      this.#options.log.warn({ reason: messageOf(error) }, 'no room for an upload');
      return diskFull().problem;
    }
    const words = { reason: messageOf(error), method: req.method, url: req.url };
    if (req.destroyed && !req.complete) this.#options.log.debug(words, 'an uploader broke off');
    else this.#options.log.error({ ...words, err: error }, 'an upload request failed');
    return refusals.somethingFailed;
  }

  /** One sweep at a time; each reports its own failures. */
  #sweep(): void {
    if (this.#sweeping !== null) return;
    const options = {
      staging: this.#staging,
      completion: this.#completion,
      locks: this.#locks,
      log: this.#options.log,
      expireAfterMs: this.#options.expireAfterMs ?? EXPIRE_AFTER_MS,
      onExpired: () => this.#ended.inc({ outcome: 'expired' }),
    };
    this.#sweeping = sweepUploads(options)
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'sweeping the uploads failed'))
      .finally(() => {
        this.#sweeping = null;
      });
  }
}

/** Time first, so that ids sort as they were made: 8 characters of time, 8 of chance. */
function newVideoId(): string {
  const time = Date.now().toString(36).padStart(8, '0').slice(-8);
  const chance = BigInt(`0x${randomBytes(8).toString('hex')}`)
    .toString(36)
    .padStart(8, '0')
    .slice(-8);
  return `v_${time}${chance}`;
}
