import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an address has for a body in one of its versions: anybody can tell every byte without asking. `/…/BYTES` says how many. */
export function bodyOf(path: string, version: number): Buffer {
  const seed = createHash('sha256').update(`${version} ${path}`).digest();
  const cipher = createCipheriv('aes-128-ctr', seed.subarray(0, 16), seed.subarray(16));
  return cipher.update(Buffer.alloc(lengthOf(path)));
}

export const lengthOf = (path: string): number => Number(/\/(\d+)$/.exec(path)?.[1] ?? Number.NaN);

/** What an origin does in place of answering well. */
export type Fault = (request: IncomingMessage, response: ServerResponse, origin: KnownOrigin) => void;

/** The fields of an answer with the body of this version. `etag` is strong. */
export const fieldsOf = (version: number): Record<string, string> => ({
  'x-version': String(version),
  etag: `"v${version}"`,
  'accept-ranges': 'bytes',
  'cache-control': 'public, max-age=600',
});

/**
 * A real server whose bodies are known. GET with ranges; POST makes the next version.
 *
 * States: open ↔ dead (by `die` and `rise`, at the same port); ended by `die`.
 */
export class KnownOrigin {
  /** By path, as long as it lasts. */
  readonly faults = new Map<string, Fault>();
  asked = 0;
  readonly #versions = new Map<string, number>();
  #server: Server;
  #port = 0;

  private constructor() {
    this.#server = this.#makeServer();
  }

  static async open(): Promise<KnownOrigin> {
    const origin = new KnownOrigin();
    await origin.rise();
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  versionOf(path: string): number {
    return this.#versions.get(path) ?? 1;
  }

  change(path: string): number {
    const version = this.versionOf(path) + 1;
    this.#versions.set(path, version);
    return version;
  }

  /** Every connection is cut, and new ones are refused. */
  async die(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async rise(): Promise<void> {
    this.#server = this.#makeServer().listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As it should. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    if (request.method === 'POST') {
      request.once('end', () => response.writeHead(204, { 'x-version': String(this.change(path)) }).end());
      return;
    }
    const version = this.versionOf(path);
    const fields = fieldsOf(version);
    if (request.headers['if-none-match'] === fields.etag) {
      response.writeHead(304, fields).end();
      return;
    }
    const body = bodyOf(path, version);
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    if (range === null || (request.headers['if-range'] ?? fields.etag) !== fields.etag) {
      response.writeHead(200, { ...fields, 'content-length': body.length }).end(body);
      return;
    }
    const first = Number(range[1]);
    const last = Math.min(range[2] ? Number(range[2]) : Number.POSITIVE_INFINITY, body.length - 1);
    const place = { 'content-range': `bytes ${first}-${last}/${body.length}`, 'content-length': last - first + 1 };
    response.writeHead(206, { ...fields, ...place }).end(body.subarray(first, last + 1));
  }

  #makeServer(): Server {
    return createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      this.asked += 1;
      request.resume();
      response.on('error', () => undefined);
      const fault = this.faults.get(request.url ?? '');
      if (fault === undefined) this.answer(request, response);
      else fault(request, response, this);
    });
  }
}
