import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { Failure, messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { IngestFailureCode } from '../ingest-failure.js';
import type { Certificates } from './certificates.js';
import type { RtmpLimits } from './rtmp-limits.js';
import type { RtmpMetrics } from './rtmp-metrics.js';

/** With a high-water mark of 0 a socket is read once for each time that it is asked to: see ReadPulse. */
const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, highWaterMark: 0 };

export function plainListener(limits: RtmpLimits, onConnection: (socket: Socket) => void): Server {
  const server = createServer(SOCKET_OPTIONS, onConnection);
  server.maxConnections = limits.connectionsMax;
  return server;
}

interface SecureListenerOptions {
  readonly certificates: Certificates;
  readonly limits: RtmpLimits;
  readonly log: Log;
  readonly metrics: RtmpMetrics;
  readonly onConnection: (socket: Socket) => void;
}

export interface SecureListener {
  readonly server: Server;
  /** No certificate is taken over from now on. */
  release(): void;
  /** Cuts all, also who is still shaking hands. */
  cut(): void;
}

/** TLS before RTMP. A renewed certificate is for new connections; the others go on as they are. */
export function secureListener(options: SecureListenerOptions): SecureListener {
  const { certificates, limits, log, metrics, onConnection } = options;
  const server = openTls(certificates, limits);
  server.maxConnections = limits.connectionsMax;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', onConnection);
  server.on('tlsClientError', (error, socket) => {
    log.debug({ remoteAddress: socket.remoteAddress, reason: messageOf(error) }, 'a TLS handshake failed');
    metrics.cut.inc({ reason: 'tls' });
    socket.destroy();
  });
  const release = certificates.onChange(() => renew(server, certificates, log));
  return {
    server,
    release,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function renew(server: TlsServer, certificates: Certificates, log: Log): void {
  try {
    server.setSecureContext(certificates.current());
    log.info('RTMPS has a new certificate');
  } catch (error) {
    log.error({ reason: messageOf(error) }, 'RTMPS keeps its old certificate: the new one cannot be used');
  }
}

function openTls(certificates: Certificates, { handshakeMs }: RtmpLimits): TlsServer {
  try {
    const handshake = { minVersion: 'TLSv1.2', handshakeTimeout: handshakeMs } as const;
    return createTlsServer({ ...SOCKET_OPTIONS, ...handshake, ...certificates.current() });
  } catch (error) {
    throw new Failure<IngestFailureCode>('ingest.bad-certificate', `RTMPS certificate: ${messageOf(error)}`, {
      hint: 'Give a PEM certificate with its chain, and the private key that belongs to it (rtmps.tlsCert, rtmps.tlsKey).',
      cause: error,
    });
  }
}

/** Rejects with a Failure: `ingest.address-in-use`, `ingest.listen-failed`. */
export async function bind(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  protocol: 'rtmp' | 'rtmps',
  log: Log,
): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(listenFailure(error, `${host}:${port}`, protocol));
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });
  server.on('error', (error) => log.error({ err: error }, `the ${protocol} port has trouble accepting`));
  const address = server.address();
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : { host, port: 0 };
}

function listenFailure(
  error: NodeJS.ErrnoException,
  address: string,
  protocol: 'rtmp' | 'rtmps',
): Failure<IngestFailureCode> {
  const name = protocol.toUpperCase();
  if (error.code === 'EADDRINUSE') {
    return new Failure('ingest.address-in-use', `${name} address ${address} is in use`, {
      hint: `Stop the program that listens there, or choose another address with --${protocol} ADDR:PORT.`,
      cause: error,
    });
  }
  return new Failure('ingest.listen-failed', `${name} address ${address}: ${error.message}`, {
    hint: `Give an address of this machine and a port that this user may bind, with --${protocol} ADDR:PORT.`,
    cause: error,
  });
}

/** Resolves when no connection is left. */
export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
