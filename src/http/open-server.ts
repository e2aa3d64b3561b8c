import type { Log } from '../telemetry/log.js';
import type { Certificates } from './certificate-files.js';
import { HttpFailure } from './http-failure.js';
import { type LoadUwsOptions, loadUws } from './load-uws.js';
import { openNodeServer } from './node-engine.js';
import type { QuickAnswers } from './quick-answers.js';
import type { HttpHandler, HttpServer, HttpServerOptions } from './server.js';
import { openTlsServer } from './tls-engine.js';
import { openUwsServer } from './uws-engine.js';

export interface OpenServerOptions extends HttpServerOptions {
  /** `auto`: uWebSockets.js where a binary for this machine loads and neither PROXY headers nor a `connectionGate` are asked for, else Node's own: node:http, over TLS node:http2. */
  readonly engine: 'auto' | 'uws' | 'node';
  /** Over TLS, with these. Default: plain. */
  readonly certificates?: Certificates | undefined;
  readonly uws?: LoadUwsOptions;
  /** What uWebSockets.js may answer the short way. Default: nothing. */
  readonly quick?: QuickAnswers | undefined;
}

/** Opens a server. Throws `HttpFailure`: it cannot listen there, cannot serve the certificate, or `uws` was asked for and does not load, or cannot do what is asked. */
export async function openHttpServer(options: OpenServerOptions, handler: HttpHandler, log: Log): Promise<HttpServer> {
  const unable = whatUwsCannot(options);
  if (unable !== null && options.engine === 'uws') throw unable;
  if (unable !== null || options.engine === 'node') return openNodes(options, handler, log);
  const outcome = loadUws(options.uws);
  if (outcome.loaded) return openUwsServer(outcome.uws, options, handler, log);
  if (options.engine === 'auto') {
    log.debug({ reason: outcome.reason }, "uWebSockets.js does not load here: serving with Node's own engine");
    return openNodes(options, handler, log);
  }
  throw new HttpFailure('http.engine-unavailable', `uWebSockets.js does not load here (${outcome.reason})`, {
    hint: 'Set the engine to auto or node, or install a uWebSockets.js that fits this machine; `headwater doctor` says how.',
  });
}

function whatUwsCannot({ proxyProtocol, connectionGate }: OpenServerOptions): HttpFailure | null {
  // It takes such a header from anybody, and before each request again: so a client's own would be believed.
  if (proxyProtocol !== undefined) {
    return new HttpFailure('http.engine-unavailable', 'uWebSockets.js cannot read PROXY headers safely', {
      hint: 'Set http.engine to auto or node where http.proxyProtocol is true.',
    });
  }
  if (connectionGate === undefined) return null;
  return new HttpFailure('http.engine-unavailable', 'uWebSockets.js does not tell of connections, to count them', {
    hint: 'Set http.engine to auto or node where edge.limits.connectionsMax is set.',
  });
}

function openNodes(
  { certificates, ...options }: OpenServerOptions,
  handler: HttpHandler,
  log: Log,
): Promise<HttpServer> {
  if (certificates === undefined) return openNodeServer(options, handler, log);
  return openTlsServer({ ...options, certificates }, handler, log);
}
