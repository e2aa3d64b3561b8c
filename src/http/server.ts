/**
 * One small HTTP server interface over three engines: uWebSockets.js for HTTP/1.1, plain or over TLS, node:http for plain
 * HTTP/1.1, and node:http2 for TLS (HTTP/1.1 and HTTP/2 on one port); `http-engine.contract.ts` tests them all.
 *
 * The contract: the request head is copied before the handler runs; the body is a bounded pull stream; writes report
 * backpressure; one Date and one Content-Length on the wire; an abort (client gone) fires `signal` once.
 * Ambiguous requests (both lengths, duplicate lengths, obs-fold, bare CR, over-long heads) never reach the handler.
 *
 * Where the engines differ: requests pipelined behind one that is answered later are answered in order by `node`, while
 * `uws` cuts such a connection (never mixing answers), which RFC 9112 §9.3.2 lets a server do. `uws` takes a head of at
 * most 4 KiB that arrives in several reads, 45 header lines, and a Content-Length of at most 999,999,999 (it answers 413
 * above; chunked bodies have no such limit), its deadline for heads and idle connections is fixed at 10 to 14 s,
 * and a header line without a name hides those behind it (they frame nothing either).
 *
 * Over HTTP/2 a request is a stream: what is said here of the connection (cutting it, its deadline, its pausing) is said of
 * the stream, and an aborted response is a reset.
 */
export interface HttpServer {
  /** The address it is bound to; `port` is the real one when 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  readonly engine: 'uws' | 'uws-tls' | 'uws-threads' | 'node' | 'node-tls';
  /** Stops accepting, lets requests in flight finish for up to `graceMs`, then cuts them. Idempotent. */
  close(graceMs: number): Promise<void>;
}

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  /** A head must arrive within this time. Default 10 s; `uws` has its own. */
  readonly headTimeoutMs?: number;
  /**
   * How long a client may do nothing while it is its turn: between requests, in the middle of a body that is being read,
   * or taking no bytes of an answer. Default 60 s; between requests `uws` has its own. A handler may think for as long as it likes.
   */
  readonly idleTimeoutMs?: number;
  /** Asked about each connection as it comes; `uws` does not tell of connections and is not opened with it. Default: all are taken. */
  readonly connectionGate?: ConnectionGate | undefined;
  /** Default: no connection begins with a PROXY header. `uws` cannot read it safely and is not opened with it. */
  readonly proxyProtocol?: ProxyProtocol | undefined;
  /** Total bytes of the request head; above it 431. Default 16384. */
  readonly headBytesMax?: number;
}

/** Null: the connection is cut at once. Else it is taken, and what is given back is called once it has closed. */
export type ConnectionGate = (remoteAddress: string) => (() => void) | null;

/** Connections that are passed on, each with a PROXY header before all else that says who opened it. */
export interface ProxyProtocol {
  /** Whether this peer passes connections on: then its header is believed, and must be there. */
  trusts(peerAddress: string): boolean;
}

export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void | Promise<void>;

export interface HttpRequest {
  /** Upper case as sent: `GET`. */
  readonly method: string;
  /** The path exactly as sent, percent-encoding kept, without the query: visible ASCII that begins with `/`. */
  readonly path: string;
  /** What follows `?`, without it; `''` when there is none. */
  readonly query: string;
  /** Of the exchange with the client. */
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  /** Names in lower case, in order of arrival, values trimmed; duplicates stay separate. */
  readonly headers: readonly (readonly [string, string])[];
  /** The values of a header joined by `, ` (RFC 9110 §5.3), or undefined. `name` in lower case. */
  header(name: string): string | undefined;
  /** Of the client, or of who passes its connection on without saying so. `''` when first asked for after the exchange is over. */
  readonly remoteAddress: string;
  /** How the client reached this server. */
  readonly scheme: 'http' | 'https';
  /** Fires once when the client has gone, or the response was aborted, before everything was sent. */
  readonly signal: AbortSignal;
  /** Whether `signal` has fired, or would have. Cheaper than one: thousands of requests may wait at once. */
  readonly gone: boolean;
  /** Calls back once when `signal` fires, or would; at once if it has. */
  onGone(listener: () => void): void;
  /**
   * The body as it arrives, pulled: while nobody reads, the socket is paused, and at most 640 KiB are held (one read of the
   * socket may bring 512 KiB). Throws when the client breaks off. Iterating a request without body ends at once. Read it at
   * most once. What is left unread when the response ends is discarded.
   */
  body(): AsyncIterable<Buffer>;
  /** Whether a body is announced (Content-Length > 0 or Transfer-Encoding). */
  readonly hasBody: boolean;
}

export interface HttpResponse {
  /**
   * Sets the head; it goes out with the first bytes of the body, or at the end. Give `contentLength` where it is known (also
   * for HEAD and 304, where no body follows); without it the body is chunked. `Date`, `Content-Length`, `Connection`,
   * `Keep-Alive` and `Transfer-Encoding` come from the engine alone and are dropped from `headers`: `Date` is always the
   * time of sending (uWebSockets.js cannot send another), so a cache must tell how old its copy is by `Age`.
   * Throws on a header that could not be sent safely.
   */
  start(status: number, headers: readonly (readonly [string, string])[], contentLength?: number): void;
  /**
   * Sends an interim answer, 102 to 199 (RFC 9110 §15.2), before the final one. False: it could not, and nothing was sent. So it is always
   * with `uws`, with a client of HTTP/1.0, and behind an answer that is still under way on this connection. Throws as `start` does.
   */
  inform(status: number, headers: readonly (readonly [string, string])[]): boolean;
  /**
   * True when more may be written at once; false: await `drained()` first. The bytes may be a view on shared memory and must
   * not change until `drained()` resolves, whatever `write` said. Throws on more bytes than `contentLength` said; after an abort it does nothing.
   */
  write(chunk: Uint8Array): boolean;
  /** Resolves when everything written so far has been handed to the kernel, or when the client is gone (check `request.signal`). Also after `end`. */
  drained(): Promise<void>;
  /** Whether `drained()` would resolve at once. */
  readonly isDrained: boolean;
  /** Fewer bytes than `contentLength` said: the connection is cut, so that the client sees it. */
  end(chunk?: Uint8Array): void;
  /** Cuts the connection: the client must see that the body is incomplete. */
  abort(): void;
  readonly started: boolean;
  readonly ended: boolean;
}
