/**
 * The HTTP server over TLS: node:http2, which speaks HTTP/2 or HTTP/1.1 on one port as the client asks (ALPN, RFC 7301).
 *
 * Lives from `openTlsServer` to `close`. A connection is in its handshake, then one of HTTP/1.1 (`Http1Side`) or of HTTP/2
 * (`Http2Side`) to its end. A changed certificate serves new handshakes; connections that stand are left alone.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer, Http2ServerRequest } from 'node:http2';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import { admitConnection } from './admit-connection.js';
import type { Certificates } from './certificate-files.js';
import { answerUnparsed, Http1Side, http1Settings } from './http1-side.js';
import { Http2Side, http2Settings } from './http2-side.js';
import { type Connections, listenAt } from './listen.js';
import { ProxiedConnections } from './proxied-connections.js';
import type { ConnectionGate, HttpHandler, HttpServer, HttpServerOptions } from './server.js';
import { limitsOf, type ServerLimits } from './server-limits.js';

export interface TlsServerOptions extends HttpServerOptions {
  readonly certificates: Certificates;
}

/** Opens the server. Throws `HttpFailure` when it cannot listen. */
export function openTlsServer(options: TlsServerOptions, handler: HttpHandler, log: Log): Promise<HttpServer> {
  const door = new TlsDoor(limitsOf(options), options, handler, log);
  return listenAt(door.server, options, { engine: 'node-tls', connections: door, log });
}

/** The server, and which side each of its connections is on. */
class TlsDoor implements Connections {
  readonly server: Http2SecureServer;
  readonly #log: Log;
  readonly #gate: ConnectionGate | undefined;
  readonly #http1: Http1Side;
  readonly #http2: Http2Side;
  readonly #proxied: ProxiedConnections | undefined;
  readonly #forgetCertificates: () => void;
  /** Connections whose handshake is not done, by the client's address and port. */
  readonly #handshakes = new Map<string, Socket>();

  constructor(
    limits: ServerLimits,
    { certificates, connectionGate, proxyProtocol }: TlsServerOptions,
    handler: HttpHandler,
    log: Log,
  ) {
    this.#log = log;
    this.#gate = connectionGate;
    this.#proxied = proxyProtocol && new ProxiedConnections(proxyProtocol, limits.headTimeoutMs, log);
    const addressOf = (socket: Socket) => this.#addressOf(socket);
    const serving = { limits, handler, scheme: 'https', addressOf, log } as const;
    this.#http1 = new Http1Side(serving);
    this.#http2 = new Http2Side(serving);
    this.server = createSecureServer({
      ...secureContext(certificates),
      ...http2Settings(limits),
      allowHTTP1: true,
      handshakeTimeout: limits.headTimeoutMs,
      noDelay: true,
    });
    // This server's HTTP/1.1 takes what node:http takes, but as properties instead of options.
    Object.assign(this.server, http1Settings(limits));
    this.#forgetCertificates = certificates.onChange(() => {
      this.server.setSecureContext(secureContext(certificates));
      log.info('new connections get the new certificate');
    });
    this.#route();
    this.#proxied?.standBefore(this.server);
  }

  get connections(): number {
    return this.#http1.connections + this.#http2.connections;
  }

  closeIdle(): void {
    this.#forgetCertificates();
    this.#proxied?.close();
    for (const socket of this.#handshakes.values()) socket.destroy();
    this.#http1.closeIdle();
    this.#http2.closeIdle();
  }

  cutAll(): void {
    this.#http1.cutAll();
    this.#http2.cutAll();
  }

  closed(): void {
    this.#http2.close();
  }

  #route(): void {
    this.server.on('connection', (socket: Socket) => {
      if (admitConnection(socket, this.#addressOf(socket), this.#gate)) this.#handshakeBegan(socket);
    });
    this.server.on('secureConnection', (socket: TLSSocket) => {
      this.#handshakes.delete(placeOf(socket));
      if (socket.alpnProtocol !== 'h2') this.#http1.opened(socket);
    });
    this.server.on('session', (session) => this.#http2.opened(session));
    this.server.on('request', (message: IncomingMessage | Http2ServerRequest, raw: unknown) => {
      if (message instanceof Http2ServerRequest) this.#http2.serve(message.stream, message.rawHeaders);
      else this.#http1.serve(message, raw as ServerResponse);
    });
    // Without a listener, HTTP/2 would get an answer that leaves the stream open.
    this.server.on('connect', (message: IncomingMessage | Http2ServerRequest, raw: unknown) => {
      if (message instanceof Http2ServerRequest) this.#http2.serve(message.stream, message.rawHeaders);
      else (raw as Socket).destroy();
    });
    this.server.on('clientError', (error: Error & { code?: string }, socket) => {
      // A failed handshake comes here too: it has nobody who could read an answer.
      if (error.code?.startsWith('HPE_') || error.code === 'ERR_HTTP_REQUEST_TIMEOUT') answerUnparsed(error, socket);
      else socket.destroy();
    });
    this.server.on('sessionError', (error) =>
      this.#log.debug({ reason: messageOf(error) }, 'an HTTP/2 client broke off'),
    );
  }

  #addressOf(socket: Socket): string {
    return this.#proxied?.addressOf(socket) ?? socket.remoteAddress ?? '';
  }

  #handshakeBegan(socket: Socket): void {
    const place = placeOf(socket);
    this.#handshakes.set(place, socket);
    socket.once('close', () => {
      if (this.#handshakes.get(place) === socket) this.#handshakes.delete(place);
    });
  }
}

function secureContext(certificates: Certificates): SecureContextOptions {
  const { cert, key } = certificates.current();
  return { cert, key, minVersion: 'TLSv1.2' };
}

const placeOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;
