import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { HeaderLines } from './request-head.js';
import { assertFinalStatus, bodyForbidden, sendableHeaders } from './response-head.js';
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
  readonly #method: string;
  readonly #exchange: Http2ClientFace;
  /** Written and not yet handed to the stream. Bounded by writers who heed `write`. */
  readonly #queue: Uint8Array[] = [];
  readonly #waiters: (() => void)[] = [];
  #head: OutgoingHttpHeaders | undefined;
  #sending = false;
  #started = false;
  #ended = false;
  #bodyless = false;
  /** Bytes still owed of an announced Content-Length. */
  #owed: number | undefined;

  constructor(stream: ServerHttp2Stream, method: string, exchange: Http2ClientFace) {
    this.#stream = stream;
    this.#method = method;
    this.#exchange = exchange;
    stream.once('finish', () => this.#settle());
    stream.once('close', () => {
      this.#queue.length = 0;
      this.#settle();
    });
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
    const head = http2Fields(sendableHeaders(headers));
    head[':status'] = status;
    if (contentLength !== undefined && status !== 204) head['content-length'] = String(contentLength);
    this.#started = true;
    this.#bodyless = bodyForbidden(this.#method, status);
    this.#owed = this.#bodyless ? undefined : contentLength;
    this.#head = head;
  }

  write(chunk: Uint8Array): boolean {
    this.#assertWritable();
    if (this.#gone || this.#bodyless || chunk.byteLength === 0) return !this.#sending;
    this.#count(chunk.byteLength);
    this.#queue.push(chunk);
    this.#pump();
    return !this.#sending;
  }

  end(chunk?: Uint8Array): void {
    if (chunk) this.write(chunk);
    else this.#assertWritable();
    this.#ended = true;
    if (this.#gone) return;
    if (this.#owed !== undefined && this.#owed > 0) {
      this.#exchange.cut();
      return;
    }
    this.#pump();
  }

  drained(): Promise<void> {
    const settled = this.#gone || (this.#ended ? this.#stream.writableFinished : !this.#sending);
    if (settled) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  abort(): void {
    this.#started = true;
    this.#ended = true;
    if (!this.#gone) this.#exchange.cut();
  }

  get #gone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  /** Hands on one piece after the other, each when the one before has been taken. */
  #pump(): void {
    if (this.#sending || this.#gone) return;
    const piece = this.#nextPiece();
    if (piece === undefined && !this.#ended) {
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

  #assertWritable(): void {
    if (!this.#started) throw new Error('the response has not started');
    if (this.#ended && !this.#gone) throw new Error('the response has ended');
  }

  #count(bytes: number): void {
    if (this.#owed === undefined) return;
    this.#owed -= bytes;
    if (this.#owed < 0) throw new Error('more bytes were written than the Content-Length announced');
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
