/** The HTTP server over node:http: runs wherever Node does. */
import { createServer } from 'node:http';
import type { Log } from '../telemetry/log.js';
import { admitConnection } from './admit-connection.js';
import { answerUnparsed, Http1Side, http1Settings } from './http1-side.js';
import { listenAt } from './listen.js';
import type { HttpHandler, HttpServer, HttpServerOptions } from './server.js';
import { limitsOf } from './server-limits.js';

/** Opens the server. Throws `HttpFailure` when it cannot listen. */
export function openNodeServer(options: HttpServerOptions, handler: HttpHandler, log: Log): Promise<HttpServer> {
  const limits = limitsOf(options);
  const side = new Http1Side({ limits, handler, scheme: 'http', log });
  const { maxHeadersCount, ...settings } = http1Settings(limits);
  const server = createServer({ ...settings, noDelay: true }, (message, raw) => side.serve(message, raw));
  server.maxHeadersCount = maxHeadersCount;
  server.on('clientError', answerUnparsed);
  server.on('connection', (socket) => {
    if (admitConnection(socket, options.connectionGate)) side.opened(socket);
  });
  return listenAt(server, options, { engine: 'node', connections: side, log });
}
