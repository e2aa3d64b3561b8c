/**
 * One small HTTP/1.1 server interface over two engines (uWebSockets.js, node:http); `http-engine.contract.ts` tests both.
 *
 * The contract: the request head is copied before the handler runs; the body is a bounded pull stream; writes report
 * backpressure; one Date and one Content-Length on the wire; an abort (client gone) fires `signal` once.
 * Ambiguous requests (both lengths, duplicate lengths, obs-fold, bare CR, over-long heads) never reach the handler.
 */
export interface HttpServer {
  /** The address it is bound to; `port` is the real one when 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  readonly engine: 'uws' | 'node';
  /** Stops accepting, lets requests in flight finish for up to `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  /** A head must arrive within this time, and an idle connection is closed after `idleTimeoutMs`. */
  readonly headTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  /** Total bytes of the request head; above it 431. Default 16384. */
  readonly headBytesMax?: number;
}

export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void | Promise<void>;

export interface HttpRequest {
  /** Upper case as sent: `GET`. */
  readonly method: string;
  /** The path exactly as sent, percent-encoding kept, without the query. Begins with `/`. */
  readonly path: string;
  /** What follows `?`, without it; `''` when there is none. */
  readonly query: string;
  /** Names in lower case, in order of arrival, values trimmed; duplicates stay separate. */
  readonly headers: readonly (readonly [string, string])[];
  /** The values of a header joined by `, ` (RFC 9110 §5.3), or undefined. `name` in lower case. */
  header(name: string): string | undefined;
  readonly remoteAddress: string;
  /** Fires once when the client has gone before the response ended. */
  readonly signal: AbortSignal;
  /**
   * The body as it arrives, pulled: while nobody reads, the socket is paused, and at most ~256 KiB are held.
   * Throws when the client breaks off. Iterating a request without body ends at once. Read it at most once.
   */
  body(): AsyncIterable<Buffer>;
  /** Whether a body is announced (Content-Length > 0 or Transfer-Encoding). */
  readonly hasBody: boolean;
}

export interface HttpResponse {
  /**
   * Sends the head. Give `contentLength` where it is known (also for HEAD and 304, where no body follows); without it the
   * body is chunked. `Date` and `Content-Length` and `Connection` come from the engine alone: leave them out of `headers`.
   * (A cached answer's own `Date` may be given in `headers`; then exactly that one is sent.)
   */
  start(status: number, headers: readonly (readonly [string, string])[], contentLength?: number): void;
  /** True when more may be written at once; false: await `drained()` first. The bytes may be a view on shared memory and must not change until sent. */
  write(chunk: Uint8Array): boolean;
  /** Resolves when the send buffer has emptied, or when the client is gone (check `request.signal`). */
  drained(): Promise<void>;
  end(chunk?: Uint8Array): void;
  /** Cuts the connection: the client must see that the body is incomplete. */
  abort(): void;
  readonly started: boolean;
  readonly ended: boolean;
}
