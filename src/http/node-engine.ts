/**
 * The HTTP server over node:http: runs wherever Node does. Lives from `openNodeServer` to `close`.
 *
 * Node's parser runs strict; what it refuses is answered here with a problem document, since its own answer is bare.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '../telemetry/log.js';
import { listenFailure } from './http-failure.js';
import { NodeExchange } from './node-exchange.js';
import { headOf, NodeRequest } from './node-request.js';
import { NodeResponse } from './node-response.js';
import { problemDocument, sendProblem } from './problem.js';
import { headerLinesMax, judgeHead } from './request-head.js';
import { statusLine } from './response-head.js';
import { runHandler } from './run-handler.js';
import type { HttpHandler, HttpServer, HttpServerOptions } from './server.js';
import { limitsOf, type ServerLimits } from './server-limits.js';

/** Opens the server. Throws `HttpFailure` when it cannot listen. */
export async function openNodeServer(options: HttpServerOptions, handler: HttpHandler, log: Log): Promise<HttpServer> {
  const server = new NodeServer(limitsOf(options), handler, log);
  await server.listen(options.host, options.port);
  return server;
}

class NodeServer implements HttpServer {
  readonly engine = 'node';
  readonly #limits: ServerLimits;
  readonly #handler: HttpHandler;
  readonly #log: Log;
  readonly #server: Server;
  /** Every connection, with how many of its requests are not answered yet. */
  readonly #connections = new Map<Socket, number>();
  #closing: Promise<void> | undefined;
  #address = { host: '', port: 0 };

  constructor(limits: ServerLimits, handler: HttpHandler, log: Log) {
    this.#limits = limits;
    this.#handler = handler;
    this.#log = log;
    this.#server = createServer(
      {
        insecureHTTPParser: false,
        maxHeaderSize: limits.headBytesMax,
        headersTimeout: limits.headTimeoutMs,
        // A body may take as long as it keeps coming: the idle limit bounds it.
        requestTimeout: 0,
        keepAliveTimeout: limits.idleTimeoutMs,
        connectionsCheckingInterval: Math.max(20, Math.min(2000, limits.headTimeoutMs / 4)),
        noDelay: true,
      },
      (message, raw) => this.#serve(message, raw),
    );
    // One more than is allowed, so that an excess is seen: Node itself would drop the rest in silence.
    this.#server.maxHeadersCount = headerLinesMax + 1;
    this.#server.on('clientError', answerUnparsed);
    this.#server.on('connection', (socket) => {
      this.#connections.set(socket, 0);
      socket.once('close', () => this.#connections.delete(socket));
    });
  }

  get address(): { readonly host: string; readonly port: number } {
    return this.#address;
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenFailure(host, port, error)));
      this.#server.listen({ host, port, exclusive: true }, () => {
        const bound = this.#server.address() as AddressInfo;
        this.#address = { host: bound.address, port: bound.port };
        this.#server.removeAllListeners('error');
        this.#server.on('error', (error) => this.#log.error({ err: error }, 'http server failed to accept'));
        resolve();
      });
    });
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const [socket, open] of this.#connections) if (open === 0) socket.destroy();
    const cut = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
    // The server reports its close a moment before its connections do; afterwards every signal has fired.
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#connections.size > 0);
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

  #serve(message: IncomingMessage, raw: ServerResponse): void {
    const head = headOf(message);
    const verdict = judgeHead(head, this.#limits.headBytesMax);
    const exchange = new NodeExchange(message, raw, this.#limits.idleTimeoutMs, () => this.#closing !== undefined);
    const response = new NodeResponse(raw, head.method, exchange);
    this.#count(message.socket, raw);
    if (!verdict.accepted || message.httpVersion !== '1.1') {
      exchange.lastOnConnection = true;
      if (verdict.accepted) sendProblem(response, 505, 'HTTP Version Not Supported', 'This server speaks HTTP/1.1.');
      else sendProblem(response, verdict.status, verdict.title, verdict.detail);
      return;
    }
    runHandler(this.#handler, new NodeRequest(message, head, verdict.framing, exchange), response, this.#log);
  }
}

/** Answers what the parser refused, unless a response is on its way on the connection: then it can only be cut. */
function answerUnparsed(error: Error & { code?: string }, socket: Duplex): void {
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
