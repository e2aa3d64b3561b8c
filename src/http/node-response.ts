import type { ServerResponse } from 'node:http';
import type { HeaderLines } from './request-head.js';
import { assertFinalStatus, bodyForbidden, sendableHeaders } from './response-head.js';
import type { HttpResponse } from './server.js';

/** What the response asks of the exchange that it belongs to. */
export interface NodeClientFace {
  /** The client's turn began (to take bytes), or is over. */
  awaitingClient(waiting: boolean): void;
  /** Whether the connection shall close after this response. */
  readonly lastOnConnection: boolean;
}

/** The response of the node engine: open → started → ended, and gone (sent or cut) from any of them. */
export class NodeResponse implements HttpResponse {
  readonly #raw: ServerResponse;
  readonly #method: string;
  readonly #exchange: NodeClientFace;
  #started = false;
  #ended = false;
  #bodyless = false;
  /** Bytes still owed of an announced Content-Length. */
  #owed: number | undefined;

  constructor(raw: ServerResponse, method: string, exchange: NodeClientFace) {
    this.#raw = raw;
    this.#method = method;
    this.#exchange = exchange;
    raw.on('drain', () => this.#exchange.awaitingClient(false));
  }

  get started(): boolean {
    return this.#started;
  }

  get ended(): boolean {
    return this.#ended;
  }

  start(status: number, headers: HeaderLines, contentLength?: number): void {
    if (this.#started) throw new Error('the response has started already');
    assertFinalStatus(status);
    const lines = sendableHeaders(headers).flat();
    if (contentLength !== undefined && status !== 204) lines.push('content-length', String(contentLength));
    this.#started = true;
    this.#bodyless = bodyForbidden(this.#method, status);
    this.#owed = this.#bodyless ? undefined : contentLength;
    if (this.#raw.destroyed) return;
    if (this.#exchange.lastOnConnection) this.#raw.shouldKeepAlive = false;
    this.#raw.writeHead(status, lines);
  }

  write(chunk: Uint8Array): boolean {
    this.#assertWritable();
    if (this.#raw.destroyed || this.#bodyless || chunk.byteLength === 0) return !this.#raw.writableNeedDrain;
    this.#count(chunk.byteLength);
    const roomLeft = this.#raw.write(chunk);
    if (!roomLeft) this.#exchange.awaitingClient(true);
    return roomLeft;
  }

  end(chunk?: Uint8Array): void {
    if (chunk) this.write(chunk);
    else this.#assertWritable();
    this.#ended = true;
    if (this.#raw.destroyed) return;
    if (this.#owed !== undefined && this.#owed > 0) {
      this.#raw.destroy();
      return;
    }
    this.#raw.end();
    if (!this.#raw.writableFinished) this.#exchange.awaitingClient(true);
  }

  drained(): Promise<void> {
    const raw = this.#raw;
    const settled = () => raw.destroyed || raw.closed || (this.#ended ? raw.writableFinished : !raw.writableNeedDrain);
    if (settled()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        for (const event of ['drain', 'finish', 'close']) raw.off(event, done);
        resolve();
      };
      for (const event of ['drain', 'finish', 'close']) raw.on(event, done);
    });
  }

  abort(): void {
    this.#started = true;
    this.#ended = true;
    this.#raw.destroy();
  }

  #assertWritable(): void {
    if (!this.#started) throw new Error('the response has not started');
    if (this.#ended && !this.#raw.destroyed) throw new Error('the response has ended');
  }

  #count(bytes: number): void {
    if (this.#owed === undefined) return;
    this.#owed -= bytes;
    if (this.#owed < 0) throw new Error('more bytes were written than the Content-Length announced');
  }
}
