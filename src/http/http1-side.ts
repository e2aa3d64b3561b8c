/**
 * The HTTP/1.1 side of one of Node's servers: its connections, and how their requests are served. The plain and the TLS
 * engine share it. Lives as long as its server.
 *
 * Node's parser runs strict; what it refuses is answered here with a problem document, since its own answer is bare.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '../telemetry/log.js';
import { http1Head } from './http1-head.js';
import type { Connections } from './listen.js';
import { NodeExchange } from './node-exchange.js';
import { NodeRequest } from './node-request.js';
import { NodeResponse } from './node-response.js';
import { problemDocument, sendProblem } from './problem.js';
import { headerLinesMax, judgeHead } from './request-head.js';
import { statusLine } from './response-head.js';
import { runHandler } from './run-handler.js';
import type { HttpHandler, HttpRequest } from './server.js';
import type { ServerLimits } from './server-limits.js';

interface Http1Options {
  readonly limits: ServerLimits;
  readonly handler: HttpHandler;
  readonly scheme: HttpRequest['scheme'];
  readonly addressOf: (socket: Socket) => string;
  readonly log: Log;
}

/** Node's own settings that keep its parser strict and its clocks ours. */
export function http1Settings(limits: ServerLimits) {
  return {
    insecureHTTPParser: false,
    maxHeaderSize: limits.headBytesMax,
    // One more than is allowed, so that an excess is seen: Node itself would drop the rest in silence.
    maxHeadersCount: headerLinesMax + 1,
    headersTimeout: limits.headTimeoutMs,
    // A body may take as long as it keeps coming: the idle limit bounds it.
    requestTimeout: 0,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.max(20, Math.min(2000, limits.headTimeoutMs / 4)),
  };
}

export class Http1Side implements Connections {
  readonly #options: Http1Options;
  /** Every connection, with how many of its requests are not answered yet. */
  readonly #connections = new Map<Socket, number>();
  #closing = false;

  constructor(options: Http1Options) {
    this.#options = options;
  }

  get connections(): number {
    return this.#connections.size;
  }

  opened(socket: Socket): void {
    this.#connections.set(socket, 0);
    socket.once('close', () => this.#connections.delete(socket));
  }

  serve(message: IncomingMessage, raw: ServerResponse): void {
    const { limits, handler, scheme, addressOf, log } = this.#options;
    const head = http1Head(message);
    const verdict = judgeHead(head, limits.headBytesMax);
    const exchange = new NodeExchange(message, raw, limits.idleTimeoutMs, () => this.#closing);
    const response = new NodeResponse(raw, head.method, exchange);
    this.#count(message.socket, raw);
    if (!verdict.accepted || message.httpVersion !== '1.1') {
      exchange.lastOnConnection = true;
      if (verdict.accepted) sendProblem(response, 505, 'HTTP Version Not Supported', 'This server speaks HTTP/1.1.');
      else sendProblem(response, verdict.status, verdict.title, verdict.detail);
      return;
    }
    const remoteAddress = addressOf(message.socket);
    const hasBody = verdict.framing.kind !== 'none';
    const arrival = { remoteAddress, scheme, protocol: 'HTTP/1.1', hasBody } as const;
    runHandler(handler, new NodeRequest(message, head, arrival, exchange), response, log);
  }

  /** Lets go of connections that have nothing under way; the others close after what they have. */
  closeIdle(): void {
    this.#closing = true;
    for (const [socket, open] of this.#connections) if (open === 0) socket.destroy();
  }

  cutAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  /** Counts a request in until its response is sent or cut; a closing server lets go of a connection that has no more. */
  #count(socket: Socket, raw: ServerResponse): void {
    this.#connections.set(socket, (this.#connections.get(socket) ?? 0) + 1);
    raw.once('close', () => {
      const open = (this.#connections.get(socket) ?? 1) - 1;
      if (this.#connections.has(socket)) this.#connections.set(socket, open);
      if (this.#closing && open === 0) socket.destroySoon();
    });
  }
}

/** Answers what the parser refused, unless a response is on its way on the connection: then it can only be cut. */
export function answerUnparsed(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || hasOpenResponse(socket)) {
    socket.destroy();
    return;
  }
  const [status, title] = refusalOf(error.code);
  const body = problemDocument(status, title, 'The request could not be read.');
  const head = `HTTP/1.1 ${statusLine(status)}\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.byteLength}\r\nDate: ${new Date().toUTCString()}\r\n\r\n`;
  socket.end(head + body.toString(), () => socket.destroy());
}

function refusalOf(code: string | undefined): [number, string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'Request Header Fields Too Large'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'Request Timeout'];
  return [400, 'Bad Request'];
}

/** Node keeps the response in progress on the socket, as its own default answer reads it. */
function hasOpenResponse(socket: Duplex): boolean {
  return '_httpMessage' in socket && socket._httpMessage !== null && socket._httpMessage !== undefined;
}
