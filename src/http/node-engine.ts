/** The HTTP server over node:http: runs wherever Node does. Lives from `openNodeServer` to `close`. */
import { createServer, type Server } from 'node:http';
import type { Log } from '../telemetry/log.js';
import { answerUnparsed, Http1Side, http1Settings } from './http1-side.js';
import { listenAt } from './listen.js';
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
  readonly #log: Log;
  readonly #server: Server;
  readonly #side: Http1Side;
  #closing: Promise<void> | undefined;
  #address = { host: '', port: 0 };

  constructor(limits: ServerLimits, handler: HttpHandler, log: Log) {
    this.#log = log;
    this.#side = new Http1Side({ limits, handler, scheme: 'http', log });
    const { maxHeadersCount, ...settings } = http1Settings(limits);
    this.#server = createServer({ ...settings, noDelay: true }, (message, raw) => this.#side.serve(message, raw));
    this.#server.maxHeadersCount = maxHeadersCount;
    this.#server.on('clientError', answerUnparsed);
    this.#server.on('connection', (socket) => this.#side.opened(socket));
  }

  get address(): { readonly host: string; readonly port: number } {
    return this.#address;
  }

  async listen(host: string, port: number): Promise<void> {
    this.#address = await listenAt(this.#server, host, port, this.#log);
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#side.closeIdle();
    const cut = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
    // The server reports its close a moment before its connections do; afterwards every signal has fired.
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#side.connections > 0);
  }
}
