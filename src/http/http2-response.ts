import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { HeaderLines } from './request-head.js';
import { assertInterimStatus, sendableHeaders } from './response-head.js';
import { ResponseProgress } from './response-progress.js';
import type { HttpResponse } from './server.js';

/** What the response asks of the exchange that it belongs to. */
export interface Http2ClientFace {
  /** The client's turn began (to take bytes; anew with every piece that it took), or is over. */
  awaitingClient(waiting: boolean): void;
  /** Resets the stream: the client sees that the body is incomplete. */
  cut(): void;
}

/** Handed to the stream at a time, so that each piece taken shows a client that goes on reading. */
const pieceBytes = 64 * 1024;

/** The response of an HTTP/2 stream: open → started → ended, and gone (sent or cut) from any of them. */
export class Http2Response implements HttpResponse {
  readonly #stream: ServerHttp2Stream;
  readonly #progress: ResponseProgress;
  readonly #exchange: Http2ClientFace;
  /** Written and not yet handed to the stream. Bounded by writers who heed `write`. */
  readonly #queue: Uint8Array[] = [];
  readonly #waiters: (() => void)[] = [];
  #head: OutgoingHttpHeaders | undefined;
  #sending = false;

  constructor(stream: ServerHttp2Stream, method: string, exchange: Http2ClientFace) {
    this.#stream = stream;
    this.#progress = new ResponseProgress(method);
    this.#exchange = exchange;
    stream.once('finish', () => this.#settle());
    stream.once('close', () => {
      this.#queue.length = 0;
      this.#settle();
    });
  }

  get started(): boolean {
    return this.#progress.started;
  }

  get ended(): boolean {
    return this.#progress.ended;
  }

  start(status: number, headers: HeaderLines, contentLength?: number): void {
    const head = http2Fields(sendableHeaders(headers));
    const length = this.#progress.start(status, contentLength);
    head[':status'] = status;
    if (length !== undefined) head['content-length'] = String(length);
    this.#head = head;
  }

  inform(status: number, headers: HeaderLines): boolean {
    assertInterimStatus(status);
    const fields = http2Fields(sendableHeaders(headers));
    if (this.started || this.#gone) return false;
    this.#stream.additionalHeaders({ ...fields, ':status': status });
    return true;
  }

  write(chunk: Uint8Array): boolean {
    this.#progress.assertWritable(this.#gone);
    if (this.#gone || this.#progress.bodyless || chunk.byteLength === 0) return !this.#sending;
    this.#progress.count(chunk.byteLength);
    this.#queue.push(chunk);
    this.#pump();
    return !this.#sending;
  }

  end(chunk?: Uint8Array): void {
    if (chunk) this.write(chunk);
    else this.#progress.assertWritable(this.#gone);
    this.#progress.end();
    if (this.#gone) return;
    if (this.#progress.owes) {
      this.#exchange.cut();
      return;
    }
    this.#pump();
  }

  get isDrained(): boolean {
    return this.#gone || (this.ended ? this.#stream.writableFinished : !this.#sending);
  }

  drained(): Promise<void> {
    if (this.isDrained) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  abort(): void {
    this.#progress.abort();
    if (!this.#gone) this.#exchange.cut();
  }

  get #gone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  /** Hands on one piece after the other, each when the one before has been taken. */
  #pump(): void {
    if (this.#sending || this.#gone) return;
    const piece = this.#nextPiece();
    if (piece === undefined && !this.ended) {
      this.#settle();
      return;
    }
    this.#respond(piece === undefined);
    if (this.#gone) return;
    this.#exchange.awaitingClient(true);
    if (piece === undefined) {
      this.#stream.end();
      return;
    }
    this.#sending = true;
    this.#stream.write(piece, () => {
      this.#sending = false;
      this.#exchange.awaitingClient(false);
      this.#pump();
    });
  }

  #nextPiece(): Uint8Array | undefined {
    const chunk = this.#queue.shift();
    if (chunk === undefined || chunk.byteLength <= pieceBytes) return chunk;
    this.#queue.unshift(chunk.subarray(pieceBytes));
    return chunk.subarray(0, pieceBytes);
  }

  #respond(endStream: boolean): void {
    const head = this.#head;
    this.#head = undefined;
    if (head) this.#stream.respond(head, { endStream });
  }

  #settle(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}

/** RFC 9113 §8.2.2: these speak of an HTTP/1.1 connection. */
const connectionFields = new Set(['upgrade', 'proxy-connection', 'http2-settings', 'te']);

/** One field a name: several lines of one are joined (RFC 9110 §5.3), save Set-Cookie, which cannot be. */
function http2Fields(headers: HeaderLines): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  const cookies: string[] = [];
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    if (connectionFields.has(name)) continue;
    if (name === 'set-cookie') cookies.push(value);
    else fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`;
  }
  if (cookies.length > 0) fields['set-cookie'] = cookies;
  return fields;
}
