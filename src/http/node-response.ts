import type { ServerResponse } from 'node:http';
import type { HeaderLines } from './request-head.js';
import { assertInterimStatus, sendableHeaders, statusLine } from './response-head.js';
import { ResponseProgress } from './response-progress.js';
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
  readonly #progress: ResponseProgress;
  readonly #exchange: NodeClientFace;
  /** Pieces that the kernel does not have yet. */
  #untaken = 0;
  #waiters: (() => void)[] = [];

  constructor(raw: ServerResponse, method: string, exchange: NodeClientFace) {
    this.#raw = raw;
    this.#progress = new ResponseProgress(method);
    this.#exchange = exchange;
    raw.on('drain', () => this.#exchange.awaitingClient(false));
    raw.on('finish', () => this.#settle());
    raw.on('close', () => this.#settle());
  }

  get started(): boolean {
    return this.#progress.started;
  }

  get ended(): boolean {
    return this.#progress.ended;
  }

  start(status: number, headers: HeaderLines, contentLength?: number): void {
    const lines = sendableHeaders(headers).flat();
    const length = this.#progress.start(status, contentLength);
    if (length !== undefined) lines.push('content-length', String(length));
    if (this.#raw.destroyed) return;
    if (this.#exchange.lastOnConnection) this.#raw.shouldKeepAlive = false;
    this.#raw.writeHead(status, lines);
  }

  inform(status: number, headers: HeaderLines): boolean {
    assertInterimStatus(status);
    const lines = sendableHeaders(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const { socket, req } = this.#raw;
    // Node's own way knows 102 and 103 alone. Before its turn on the connection a response has no socket.
    if (socket === null || this.started || this.#raw.destroyed || req.httpVersion === '1.0') return false;
    socket.write(`HTTP/1.1 ${statusLine(status)}\r\n${lines.join('')}\r\n`, 'latin1');
    return true;
  }

  write(chunk: Uint8Array): boolean {
    this.#progress.assertWritable(this.#raw.destroyed);
    if (this.#raw.destroyed || this.#progress.bodyless || chunk.byteLength === 0) return !this.#raw.writableNeedDrain;
    this.#progress.count(chunk.byteLength);
    this.#untaken += 1;
    const roomLeft = this.#raw.write(chunk, () => this.#taken());
    if (!roomLeft) this.#exchange.awaitingClient(true);
    return roomLeft;
  }

  end(chunk?: Uint8Array): void {
    if (chunk) this.write(chunk);
    else this.#progress.assertWritable(this.#raw.destroyed);
    this.#progress.end();
    if (this.#raw.destroyed) return;
    if (this.#progress.owes) {
      this.#raw.destroy();
      return;
    }
    this.#raw.end();
    if (!this.#raw.writableFinished) this.#exchange.awaitingClient(true);
  }

  get isDrained(): boolean {
    const raw = this.#raw;
    return raw.destroyed || raw.closed || (this.ended ? raw.writableFinished : this.#untaken === 0);
  }

  drained(): Promise<void> {
    if (this.isDrained) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  abort(): void {
    this.#progress.abort();
    this.#raw.destroy();
  }

  #taken(): void {
    this.#untaken -= 1;
    if (this.#untaken === 0 && !this.ended) this.#settle();
  }

  #settle(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
