/**
 * The HTTP server over uWebSockets.js. Lives from `openUwsServer` to `close`.
 *
 * What its parser takes and should not (two Content-Length headers, foreign transfer codings, two hosts) is refused here.
 * What its parser does not take (obs-fold, HTTP/1.0, a missing Host, …) it closes without an answer, some at once, some
 * after 10 to 14 s, and no handler hears of it.
 */
import type { Log } from '../telemetry/log.js';
import { explainListenFailure } from './http-failure.js';
import { problemDocument } from './problem.js';
import { isPlain, type QuickAnswers } from './quick-answers.js';
import { type BodyFraming, type HeadVerdict, judgeHead, type RequestHead } from './request-head.js';
import { statusLine } from './response-head.js';
import { runHandler } from './run-handler.js';
import type { HttpHandler, HttpServer, HttpServerOptions } from './server.js';
import { limitsOf, type ServerLimits } from './server-limits.js';
import { StallWatch } from './stall-watch.js';
import type { UwsApp, UwsListenSocket, UwsModule, UwsRequest, UwsResponse } from './uws-face.js';
import { UwsLink } from './uws-link.js';
import { UwsRequestView } from './uws-request.js';
import { UwsResponseView } from './uws-response.js';

/** Its parser reads nine digits of Content-Length, and closes above them without a word. */
const contentLengthMax = 999_999_999;
/** More than uWebSockets.js collects before it writes to the socket: an answer padded to it leaves at once. */
const corkBytes = 16 * 1024;
/** How long a refused client has to read why. */
const refusalMs = 200;
/** Without it a second server on the same port would share its connections in silence. */
const exclusivePort = 1;
const sharedPort = 0;
/** Turns off the header by which uWebSockets.js names itself. */
const noMark = '999999990007';

type Refusal = Extract<HeadVerdict, { accepted: false }>;

export interface UwsServerOptions extends HttpServerOptions {
  /** What may be answered the short way. Default: nothing. */
  readonly quick?: QuickAnswers | undefined;
  /** Other threads of this process listen on the same port. Default false: nobody may. */
  readonly sharedPort?: boolean;
}

/** Opens the server on a loaded uWebSockets.js. Throws `HttpFailure` when it cannot listen. */
export async function openUwsServer(
  uws: UwsModule,
  options: UwsServerOptions,
  handler: HttpHandler,
  log: Log,
): Promise<HttpServer> {
  const server = new UwsServer(uws, options, handler, log);
  if (server.listening) return server;
  await server.close(0);
  throw await explainListenFailure(options.host, options.port);
}

class UwsServer implements HttpServer {
  readonly engine = 'uws';
  readonly address: { readonly host: string; readonly port: number };
  readonly #uws: UwsModule;
  readonly #app: UwsApp;
  readonly #limits: ServerLimits;
  readonly #handler: HttpHandler;
  readonly #log: Log;
  readonly #watch: StallWatch;
  readonly #open = new Set<UwsLink>();
  readonly #quick: QuickAnswers | undefined;
  #socket: UwsListenSocket | undefined;
  #closing: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  constructor(uws: UwsModule, options: UwsServerOptions, handler: HttpHandler, log: Log) {
    this.#uws = uws;
    this.#limits = limitsOf(options);
    this.#handler = handler;
    this.#quick = options.quick;
    this.#log = log;
    this.#watch = new StallWatch(this.#limits.idleTimeoutMs);
    uws._cfg(noMark);
    this.#app = uws.App().any('/*', (native, request) => this.#serve(native, request));
    this.#app.listen(options.host, options.port, options.sharedPort ? sharedPort : exclusivePort, (socket) => {
      if (socket) this.#socket = socket;
    });
    const port = this.#socket ? uws.us_socket_local_port(this.#socket) : options.port;
    this.address = { host: options.host, port };
  }

  get listening(): boolean {
    return this.#socket !== undefined;
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    if (this.#socket) this.#uws.us_listen_socket_close(this.#socket);
    await this.#emptiedWithin(graceMs);
    for (const link of [...this.#open]) link.cut();
    this.#watch.close();
    this.#app.close();
  }

  #emptiedWithin(graceMs: number): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #serve(native: UwsResponse, request: UwsRequest): void {
    if (this.#answersQuickly(native, request)) return;
    const head = headOf(request);
    const link = this.#link(native);
    const verdict = judgeHead(head, this.#limits.headBytesMax);
    if (!verdict.accepted) refuse(native, link, verdict);
    else if (lengthOf(verdict.framing) > contentLengthMax) refuse(native, link, tooLong);
    else this.#handle(link, head, verdict.framing);
  }

  #answersQuickly(native: UwsResponse, request: UwsRequest): boolean {
    if (this.#quick === undefined || this.#closing !== undefined) return false;
    if (request.getCaseSensitiveMethod() !== 'GET') return false;
    const quick = this.#quick.find(request.getUrl(), request.getQuery());
    if (quick === undefined || !isPlain(request, this.#limits.headBytesMax)) return false;
    const answer = quick.open();
    if (answer === null) return false;
    const { name, rest, body } = answer;
    native.writeHeader(name, rest);
    const [, complete] = native.tryEnd(body, body.length);
    if (complete) {
      quick.close();
      return true;
    }
    const link = this.#link(native);
    link.onOver(quick.closeLater(() => link.cut()));
    const left = body.subarray(native.getWriteOffset());
    new UwsResponseView(link, 'GET', this.#watch, () => false).sendRest(left, body.length);
    return true;
  }

  #link(native: UwsResponse): UwsLink {
    const link = new UwsLink(native, () => {
      this.#open.delete(link);
      if (this.#open.size === 0) this.#emptied?.();
    });
    this.#open.add(link);
    return link;
  }

  #handle(link: UwsLink, head: RequestHead, framing: BodyFraming): void {
    const request = new UwsRequestView(head, framing, link, this.#watch);
    const response = new UwsResponseView(link, head.method, this.#watch, () => this.#closing !== undefined);
    runHandler(this.#handler, request, response, this.#log);
  }
}

/** The native request is reused as soon as the handler returns: copy all of it. */
function headOf(request: UwsRequest): RequestHead {
  const headers: [string, string][] = [];
  request.forEach((name, value) => {
    headers.push([name, value.trim()]);
  });
  return {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    headers,
  };
}

function lengthOf(framing: BodyFraming): number {
  return framing.kind === 'length' ? framing.bytes : 0;
}

const tooLong: Refusal = {
  accepted: false,
  status: 413,
  title: 'Content Too Large',
  detail: `One request may carry ${contentLengthMax} bytes here. Send the body in several requests, or chunked.`,
};

/**
 * Answers a refused head and closes. Whatever follows on the connection must not be read as another request, yet ending the
 * response the ordinary way would let the parser go on in the same buffer. So the whole answer is written as header lines:
 * the response stays pending, at which uWebSockets.js itself cuts a connection that brings another request.
 */
function refuse(native: UwsResponse, link: UwsLink, refusal: Refusal): void {
  const document = problemDocument(refusal.status, refusal.title, refusal.detail).toString();
  // Of a length that it cannot read, uWebSockets.js closes as soon as this returns: the answer must have left by then.
  const body = refusal === tooLong ? document.padEnd(corkBytes + 1) : document;
  native.cork(() => {
    native.writeStatus(statusLine(refusal.status));
    native.writeHeader('Content-Type', 'application/problem+json');
    native.writeHeader('Date', new Date().toUTCString());
    native.writeHeader('Content-Length', String(Buffer.byteLength(body) + 2));
    // The two bytes are the line break that uWebSockets.js puts behind every header: white space behind the document.
    native.writeHeader('Connection', `close\r\n\r\n${body}`);
  });
  setTimeout(() => link.cut(), refusalMs);
}
