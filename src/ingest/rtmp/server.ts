import { createServer, type Server, type Socket } from 'node:net';
import { Failure } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { IngestFailureCode } from '../ingest-failure.js';
import { type Admitting, RtmpConnection } from './connection.js';
import { DEFAULT_RTMP_LIMITS, type RtmpLimits } from './rtmp-limits.js';
import { RtmpMetrics } from './rtmp-metrics.js';

export interface RtmpServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly publishing: Admitting;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: Partial<RtmpLimits>;
}

/**
 * The RTMP door: takes connections up to its limit, and knows them until they are closed.
 *
 * Lifetime: bound when `openRtmpServer` resolves, until `close` resolves.
 */
export interface RtmpServer {
  readonly address: { readonly host: string; readonly port: number };
  /** Stops accepting, tells publishers so, gives them up to `graceMs` to go, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** Rejects with a Failure: `ingest.address-in-use`, `ingest.listen-failed`. */
export async function openRtmpServer(options: RtmpServerOptions): Promise<RtmpServer> {
  const limits = { ...DEFAULT_RTMP_LIMITS, ...options.limits };
  const metrics = new RtmpMetrics(options.metrics);
  const connections = new Set<RtmpConnection>();
  let accepted = 0;
  const accept = (socket: Socket) => {
    const log = options.log.child({ connection: ++accepted, remoteAddress: socket.remoteAddress });
    const connection = new RtmpConnection({ socket, publishing: options.publishing, limits, metrics, log });
    connections.add(connection);
    metrics.connections.set(connections.size);
    connection.run().finally(() => {
      connections.delete(connection);
      metrics.connections.set(connections.size);
    });
  };
  const server = createServer({ noDelay: true, keepAlive: true }, accept);
  server.maxConnections = limits.connectionsMax;
  server.on('drop', () => metrics.turnedAway.inc());
  await listen(server, options);
  server.on('error', (error) => options.log.error({ err: error }, 'the RTMP port has trouble accepting'));
  return { address: boundAddress(server, options.host), close: (graceMs) => close(server, connections, graceMs) };
}

function listen(server: Server, { host, port }: RtmpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(listenFailure(error, host, port));
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): Failure<IngestFailureCode> {
  if (error.code === 'EADDRINUSE') {
    return new Failure('ingest.address-in-use', `RTMP address ${host}:${port} is in use`, {
      hint: 'Stop the program that listens there, or choose another address with --rtmp ADDR:PORT.',
      cause: error,
    });
  }
  return new Failure('ingest.listen-failed', `RTMP address ${host}:${port}: ${error.message}`, {
    hint: 'Give an address of this machine and a port that this user may bind, with --rtmp ADDR:PORT.',
    cause: error,
  });
}

function boundAddress(server: Server, host: string): { host: string; port: number } {
  const address = server.address();
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : { host, port: 0 };
}

async function close(server: Server, connections: ReadonlySet<RtmpConnection>, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const connection of connections) connection.stop('the server is closing');
  const deadline = setTimeout(() => {
    for (const connection of connections) connection.destroy();
  }, graceMs);
  await closed;
  clearTimeout(deadline);
}
