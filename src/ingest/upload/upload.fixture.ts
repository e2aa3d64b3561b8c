import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { type ClientRequest, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterEach, expect } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { openUploads, type Uploads, type UploadsOptions } from './server.js';
import type { RawStore, UploadCatalog, UploadEntry, UploadVerdict } from './upload-catalog.js';

/** A catalog of uploads in memory, idempotent by entry id as the real one is. */
class FakeCatalog implements UploadCatalog {
  readonly entries: UploadEntry[] = [];
  readonly videos = new Map<string, 'uploading' | 'transcoding'>();
  readonly #verdicts = new Map<string, UploadVerdict>();
  failing = false;

  async append(entry: UploadEntry): Promise<UploadVerdict> {
    if (this.failing) throw new Error('the catalog is away');
    const known = this.#verdicts.get(entry.id);
    if (known !== undefined) return known;
    const verdict = this.#apply(entry);
    this.#verdicts.set(entry.id, verdict);
    if (verdict.applied) this.entries.push(entry);
    return verdict;
  }

  types(): string[] {
    return this.entries.map(({ type }) => type);
  }

  #apply(entry: UploadEntry): UploadVerdict {
    const { videoId } = entry.data;
    if (entry.type === 'video.created') {
      this.videos.set(videoId, 'uploading');
      return { applied: true };
    }
    const status = this.videos.get(videoId);
    if (status === undefined) return { applied: false, reason: 'absent', message: 'no such video' };
    if (entry.type === 'video.deleted') this.videos.delete(videoId);
    else if (status !== 'uploading') return { applied: false, reason: 'conflict', message: `it is ${status}` };
    else this.videos.set(videoId, 'transcoding');
    return { applied: true };
  }
}

/** Raw objects as files; `adopting` false makes it a store that only takes streams. */
function fileStore(directory: string, adopting: boolean): RawStore & { pathOf(key: string): string } {
  const pathOf = (key: string) => join(directory, key.replaceAll('/', '-'));
  return {
    pathOf,
    ...(adopting ? { adopt: (path: string, key: string) => rename(path, pathOf(key)) } : {}),
    put: (key, body) => pipeline(body, createWriteStream(pathOf(key))),
    head: (key) =>
      stat(pathOf(key)).then(
        ({ size }) => ({ size }),
        () => null,
      ),
    delete: (key) => rm(pathOf(key), { force: true }),
  };
}

export interface UploadBox {
  readonly url: string;
  readonly directory: string;
  readonly stagingDir: string;
  readonly catalog: FakeCatalog;
  readonly raw: ReturnType<typeof fileStore>;
  readonly uploads: Uploads;
  readonly server: Server;
  /** Ends this life as SIGKILL would: no request is finished, nothing is tidied. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export const BASE = '/v1/videos/upload';

/** A real HTTP server over real folders. Tokens: `alice`, `bob`, `viewer`, `operator`; `expired` and `forged` are refused. */
export async function openBox(
  options: Partial<UploadsOptions> & { directory?: string; adopting?: boolean } = {},
): Promise<UploadBox> {
  const { directory = await mkdtemp(join(tmpdir(), 'headwater-upload-')), adopting = true, ...rest } = options;
  const stagingDir = join(directory, 'staging');
  await mkdir(join(directory, 'raw'), { recursive: true });
  const catalog = (rest.catalog as FakeCatalog | undefined) ?? new FakeCatalog();
  const raw = fileStore(join(directory, 'raw'), adopting);
  const uploads = await openUploads({
    stagingDir,
    maxBytes: 64 * 1024 * 1024,
    path: BASE,
    authenticate: async (req) => uploaderOf(req.headers.authorization),
    raw,
    log: silentLog,
    metrics: new Metrics(),
    ...rest,
    catalog,
  });
  const server = createServer((req, res) => uploads.handle(req, res));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kill = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const close = async () => {
    await uploads.close();
    await kill();
    await rm(directory, { recursive: true, force: true });
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${BASE}`, directory, stagingDir, catalog, raw, uploads, server, kill, close };
}

function uploaderOf(authorization: string | undefined) {
  const userId = authorization?.replace('Bearer ', '');
  if (userId === undefined) return null;
  if (userId === 'expired') throw Object.assign(new Error('The token has expired.'), { statusCode: 401 });
  if (userId === 'forged') throw Object.assign(new Error('Another site asked.'), { statusCode: 403 });
  return { userId, operator: userId === 'operator', mayCreate: userId !== 'viewer' };
}

export const noise = (bytes: number): Buffer<ArrayBuffer> => randomBytes(bytes) as Buffer<ArrayBuffer>;

export const metadataOf = (words: Record<string, string>): string =>
  Object.entries(words)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');

/** A tus request as `who`. */
export function ask(
  url: string,
  method: string,
  headers: Record<string, string> = {},
  body?: string | Uint8Array<ArrayBuffer>,
  who = 'alice',
): Promise<Response> {
  const all = { 'tus-resumable': '1.0.0', authorization: `Bearer ${who}`, ...headers };
  return fetch(url, { method, headers: all, ...(body === undefined ? {} : { body, duplex: 'half' }) });
}

/** Creates an upload and gives its address. */
export async function create(
  box: UploadBox,
  sizeBytes: number,
  words: Record<string, string> = { title: 'A film' },
): Promise<string> {
  const answer = await ask(box.url, 'POST', {
    'upload-length': String(sizeBytes),
    'upload-metadata': metadataOf(words),
  });
  if (answer.status !== 201) throw new Error(`created: ${answer.status} ${await answer.text()}`);
  return new URL(answer.headers.get('location') ?? '', box.url).href;
}

export const patch = (
  url: string,
  offset: number,
  body: string | Uint8Array<ArrayBuffer>,
  who = 'alice',
): Promise<Response> =>
  ask(url, 'PATCH', { 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' }, body, who);

export const offsetOf = async (url: string): Promise<number> =>
  Number((await ask(url, 'HEAD')).headers.get('upload-offset'));

export const idOf = (url: string): string => url.split('/').at(-1) ?? '';

/** Polls until `test` holds; at most a minute. */
export async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (await test()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it did not come to pass within a minute');
}

/** A PATCH that announces `announced` bytes, sends only `first`, and then hangs. */
export function startPatch(url: string, announced: number, first: Buffer): ClientRequest {
  const sending = request(url, {
    method: 'PATCH',
    headers: {
      authorization: 'Bearer alice',
      'tus-resumable': '1.0.0',
      'upload-offset': '0',
      'content-type': 'application/offset+octet-stream',
      'content-length': announced,
    },
  });
  sending.on('error', () => {});
  sending.write(first);
  return sending;
}

/** The problem document of an answer, once it is seen to be one. */
export async function problem(answer: Response) {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const document = (await answer.json()) as { type: string; title: string; status: number; detail: string };
  expect(document.status).toBe(answer.status);
  expect(document.type).toMatch(/^urn:headwater:problem:upload-[a-z-]+$/);
  return document;
}

/** Opens boxes that are closed, and their folders removed, after each test. */
export function usingBoxes(): typeof openBox {
  const boxes: UploadBox[] = [];
  afterEach(async () => {
    await Promise.all(boxes.splice(0).map((box) => box.close()));
  });
  return async (options) => {
    const box = await openBox(options);
    boxes.push(box);
    return box;
  };
}
