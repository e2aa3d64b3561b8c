/** The HTTP server over node:http: runs wherever Node does. */
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../telemetry/log.js';
import { admitConnection } from './admit-connection.js';
import { answerUnparsed, Http1Side, http1Settings } from './http1-side.js';
import { type Connections, listenAt } from './listen.js';
import { ProxiedConnections } from './proxied-connections.js';
import type { HttpHandler, HttpServer, HttpServerOptions } from './server.js';
import { limitsOf } from './server-limits.js';

/** Opens the server. Throws `HttpFailure` when it cannot listen. */
export function openNodeServer(options: HttpServerOptions, handler: HttpHandler, log: Log): Promise<HttpServer> {
  const limits = limitsOf(options);
  const { connectionGate, proxyProtocol } = options;
  const proxied = proxyProtocol && new ProxiedConnections(proxyProtocol, limits.headTimeoutMs, log);
  const addressOf = (socket: Socket) => proxied?.addressOf(socket) ?? socket.remoteAddress ?? '';
  const side = new Http1Side({ limits, handler, scheme: 'http', addressOf, log });
  const { maxHeadersCount, ...settings } = http1Settings(limits);
  const server = createServer({ ...settings, noDelay: true }, (message, raw) => side.serve(message, raw));
  server.maxHeadersCount = maxHeadersCount;
  server.on('clientError', answerUnparsed);
  server.on('connection', (socket) => {
    if (admitConnection(socket, addressOf(socket), connectionGate)) side.opened(socket);
  });
  proxied?.standBefore(server);
  const connections: Connections = {
    get connections() {
      return side.connections;
    },
    closeIdle() {
      proxied?.close();
      side.closeIdle();
    },
    cutAll: () => side.cutAll(),
  };
  return listenAt(server, options, { engine: 'node', connections, log });
}
