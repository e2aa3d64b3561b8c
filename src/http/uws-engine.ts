/**
 * The HTTP server over uWebSockets.js, plain or over TLS. Lives from `openUwsServer` to `close`.
 *
 * What its parser takes and should not (two Content-Length headers, foreign transfer codings, two hosts) is refused here.
 * What its parser does not take (obs-fold, HTTP/1.0, a missing Host, …) it closes without an answer, some at once, some
 * after 10 to 14 s, and no handler hears of it.
 */
import type { Log } from '../telemetry/log.js';
import type { Certificates } from './certificate-files.js';
import { explainListenFailure, findFreePort } from './http-failure.js';
import { problemDocument } from './problem.js';
import { plainRange, type QuickAnswers } from './quick-answers.js';
import { type BodyFraming, type HeadVerdict, judgeHead, type RequestHead } from './request-head.js';
import { statusLine } from './response-head.js';
import { runHandler } from './run-handler.js';
import type { HttpHandler, HttpRequest, HttpServer, HttpServerOptions } from './server.js';
import { limitsOf, type ServerLimits } from './server-limits.js';
import { StallWatch } from './stall-watch.js';
import { UwsAsker } from './uws-asker.js';
import { openPlainDoor, type UwsDoor, type UwsServe } from './uws-door.js';
import type { UwsModule, UwsRequest, UwsResponse } from './uws-face.js';
import { UwsLink } from './uws-link.js';
import { UwsRequestView } from './uws-request.js';
import { UwsResponseView } from './uws-response.js';
import { UwsTlsDoor } from './uws-tls-door.js';

/** Its parser reads nine digits of Content-Length, and closes above them without a word. */
const contentLengthMax = 999_999_999;
/** More than uWebSockets.js collects before it writes to the socket: an answer padded to it leaves at once. */
const corkBytes = 16 * 1024;
/** How long a refused client has to read why. */
const refusalMs = 200;
/** Turns off the header by which uWebSockets.js names itself. */
const noMark = '999999990007';

type Refusal = Extract<HeadVerdict, { accepted: false }>;

export interface UwsServerOptions extends HttpServerOptions {
  /** Over TLS, with these. Default: plain. */
  readonly certificates?: Certificates | undefined;
  /** What may be answered the short way. Default: nothing. */
  readonly quick?: QuickAnswers | undefined;
  /** Other threads of this process listen on the same port. Default false: nobody may. */
  readonly sharedPort?: boolean;
}

/** Opens the server on a loaded uWebSockets.js. Throws `HttpFailure` when it cannot listen, or cannot serve the certificate. */
export async function openUwsServer(
  uws: UwsModule,
  options: UwsServerOptions,
  handler: HttpHandler,
  log: Log,
): Promise<HttpServer> {
  // Over TLS it shares its port with itself, so nothing else would keep a second server out; and Linux lets no port be
  // shared that it chose itself.
  const { certificates, host, sharedPort = false } = options;
  const isAlone = certificates === undefined || sharedPort;
  const port = isAlone ? options.port : await findFreePort(host, options.port);
  const server = new UwsServer(uws, { ...options, port }, handler, log);
  if (server.listening) return server;
  await server.close(0);
  throw await explainListenFailure(options.host, options.port);
}

class UwsServer implements HttpServer {
  readonly engine: 'uws' | 'uws-tls';
  readonly address: { readonly host: string; readonly port: number };
  readonly #door: UwsDoor;
  readonly #scheme: HttpRequest['scheme'];
  readonly #limits: ServerLimits;
  readonly #handler: HttpHandler;
  readonly #log: Log;
  readonly #watch: StallWatch;
  readonly #open = new Set<UwsLink>();
  readonly #quick: QuickAnswers | undefined;
  #closing: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  constructor(uws: UwsModule, options: UwsServerOptions, handler: HttpHandler, log: Log) {
    const { host, port, certificates, sharedPort = false } = options;
    const serve: UwsServe = (native, request, over) => this.#serve(native, request, over);
    uws._cfg(noMark);
    if (certificates === undefined) this.#door = openPlainDoor(uws, { host, port, sharedPort }, serve);
    else this.#door = new UwsTlsDoor(uws, { host, port, certificates }, serve, log);
    this.address = { host, port: this.#door.port };
    this.engine = certificates === undefined ? 'uws' : 'uws-tls';
    this.#scheme = certificates === undefined ? 'http' : 'https';
    this.#limits = limitsOf(options);
    this.#handler = handler;
    this.#quick = options.quick;
    this.#log = log;
    this.#watch = new StallWatch(this.#limits.idleTimeoutMs);
  }

  get listening(): boolean {
    return this.#door.listening;
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    this.#door.stopListening();
    await this.#emptiedWithin(graceMs);
    for (const link of [...this.#open]) link.cut();
    this.#watch.close();
    this.#door.close();
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

  #serve(native: UwsResponse, request: UwsRequest, over: () => void): void {
    if (this.#answersQuickly(native, request, over)) return;
    const head = headOf(request);
    const link = this.#link(native, over);
    const verdict = judgeHead(head, this.#limits.headBytesMax);
    if (!verdict.accepted) refuse(native, link, verdict);
    else if (lengthOf(verdict.framing) > contentLengthMax) refuse(native, link, tooLong);
    else this.#handle(link, head, verdict.framing);
  }

  #answersQuickly(native: UwsResponse, request: UwsRequest, over: () => void): boolean {
    if (this.#quick === undefined || this.#closing !== undefined) return false;
    if (request.getCaseSensitiveMethod() !== 'GET') return false;
    const quick = this.#quick.find(request.getUrl(), request.getQuery());
    if (quick === undefined) return false;
    const asked = plainRange(request, this.#limits.headBytesMax);
    const answer = asked === null ? null : quick.open(asked, new UwsAsker(native, request, this.#scheme));
    if (answer === null) return false;
    const { name, rest, body, range } = answer;
    if (range !== null) native.writeStatus(statusLine(206));
    native.writeHeader(name, rest);
    if (range !== null) native.writeHeader('content-range', range);
    const [, complete] = native.tryEnd(body, body.length);
    if (complete) {
      answer.close(false);
      over();
      return true;
    }
    const link = this.#link(native, over);
    answer.lasts(() => link.cut());
    link.onOver(() => answer.close(link.gone));
    const left = body.subarray(native.getWriteOffset());
    new UwsResponseView(link, 'GET', this.#watch, () => false).sendRest(left, body.length);
    return true;
  }

  #link(native: UwsResponse, over: () => void): UwsLink {
    const link = new UwsLink(native, () => {
      this.#open.delete(link);
      over();
      if (this.#open.size === 0) this.#emptied?.();
    });
    this.#open.add(link);
    return link;
  }

  #handle(link: UwsLink, head: RequestHead, framing: BodyFraming): void {
    const request = new UwsRequestView(head, framing, link, this.#watch, this.#scheme);
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
