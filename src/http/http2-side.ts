/**
 * The HTTP/2 side of the TLS server (RFC 9113): its sessions, and how their streams are served. Lives as long as its server.
 *
 * What one client can make us hold is bounded per session: streams at once, header lines and bytes, body bytes that nobody
 * reads (the window of a stream), and Node's own memory. nghttp2 bounds how fast streams may be reset and how many
 * acknowledgements may be owed; who exceeds that loses the session.
 */
import type { Http2Session, SecureServerOptions, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Log } from '../telemetry/log.js';
import { Http2Exchange } from './http2-exchange.js';
import { http2Head } from './http2-head.js';
import { Http2Response } from './http2-response.js';
import { NodeRequest } from './node-request.js';
import { sendProblem } from './problem.js';
import { headerLinesMax, joinedHeader, judgeHead } from './request-head.js';
import { runHandler } from './run-handler.js';
import type { HttpHandler, HttpRequest } from './server.js';
import type { ServerLimits } from './server-limits.js';
import { type Stallable, StallWatch } from './stall-watch.js';

/** RFC 9113 §6.5.2 asks for no fewer. */
const streamsMax = 100;
/** Of a request body that nobody reads yet; also what bounds an upload's speed per round trip. */
const streamWindowBytes = 256 * 1024;
/** All bodies of a session together. */
const sessionWindowBytes = 1024 * 1024;

interface Http2Options {
  readonly limits: ServerLimits;
  readonly handler: HttpHandler;
  readonly scheme: HttpRequest['scheme'];
  readonly addressOf: (socket: Socket) => string;
  readonly log: Log;
}

interface OpenSession {
  readonly remoteAddress: string;
  readonly idle: Stallable;
  streams: number;
}

/** What every session is told and held to. */
export function http2Settings(limits: ServerLimits): SecureServerOptions {
  return {
    settings: {
      enablePush: false,
      maxConcurrentStreams: streamsMax,
      initialWindowSize: streamWindowBytes,
      // Counted with 32 bytes a line (RFC 9113 §6.5.2).
      maxHeaderListSize: limits.headBytesMax + 32 * headerLinesMax,
    },
    // Room for the pseudo-headers and one line too many, which gets its 431.
    maxHeaderListPairs: headerLinesMax + 8,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxOutstandingPings: 10,
    maxSettings: 32,
  };
}

export class Http2Side {
  readonly #options: Http2Options;
  readonly #watch: StallWatch;
  readonly #sessions = new Map<Http2Session, OpenSession>();
  #closing = false;

  constructor(options: Http2Options) {
    this.#options = options;
    this.#watch = new StallWatch(options.limits.idleTimeoutMs);
  }

  get connections(): number {
    return this.#sessions.size;
  }

  opened(session: Http2Session): void {
    const idle = { cut: () => closeNow(session) };
    const open = { remoteAddress: this.#options.addressOf(session.socket), idle, streams: 0 };
    this.#sessions.set(session, open);
    this.#watch.waiting(idle);
    session.setLocalWindowSize(sessionWindowBytes);
    session.once('close', () => {
      this.#watch.settled(idle);
      this.#sessions.delete(session);
    });
    if (this.#closing) closeNow(session);
  }

  serve(stream: ServerHttp2Stream, rawHeaders: readonly string[]): void {
    const session = stream.session;
    const open = session && this.#sessions.get(session);
    if (!session || !open || stream.destroyed) return;
    this.#count(session, open, stream);
    const { limits, handler, scheme, log } = this.#options;
    const read = http2Head(rawHeaders);
    const exchange = new Http2Exchange(stream, this.#watch);
    const response = new Http2Response(stream, read.head.method, exchange);
    const verdict = read.refusal ?? judgeHead(read.head, limits.headBytesMax);
    if (!verdict.accepted) {
      sendProblem(response, verdict.status, verdict.title, verdict.detail);
      return;
    }
    // The frames say whether a body follows; a Content-Length is only held against it (RFC 9113 §8.1.1).
    const hasBody = !stream.endAfterHeaders && joinedHeader(read.head.headers, 'content-length') !== '0';
    const arrival = { remoteAddress: open.remoteAddress, scheme, protocol: 'HTTP/2', hasBody } as const;
    runHandler(handler, new NodeRequest(stream, read.head, arrival, exchange), response, log);
  }

  /** Tells every client to open no more streams here; those with none open are gone at once. */
  closeIdle(): void {
    this.#closing = true;
    for (const [session, { streams }] of this.#sessions) {
      if (streams === 0) closeNow(session);
      else session.close();
    }
  }

  cutAll(): void {
    for (const session of this.#sessions.keys()) session.destroy();
  }

  close(): void {
    this.#watch.close();
  }

  /** A session without streams waits for its client. */
  #count(session: Http2Session, open: OpenSession, stream: ServerHttp2Stream): void {
    open.streams++;
    this.#watch.settled(open.idle);
    stream.once('close', () => {
      open.streams--;
      if (open.streams > 0 || session.destroyed) return;
      if (this.#closing) closeNow(session);
      else this.#watch.waiting(open.idle);
    });
  }
}

/** Says good-bye (GOAWAY) and leaves, whether the client answers or not. */
function closeNow(session: Http2Session): void {
  if (session.destroyed) return;
  session.close(() => session.destroy());
  setImmediate(() => session.destroy());
}
