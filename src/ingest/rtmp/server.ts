import type { Server, Socket } from 'node:net';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Certificates } from './certificates.js';
import { type Admitting, RtmpConnection } from './connection.js';
import { bind, closed, plainListener, secureListener } from './listener.js';
import { ReadPulse } from './read-pulse.js';
import { DEFAULT_RTMP_LIMITS, type RtmpLimits } from './rtmp-limits.js';
import { RtmpMetrics } from './rtmp-metrics.js';

export interface RtmpServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** RTMPS beside it. */
  readonly secure?: { readonly host: string; readonly port: number; readonly certificates: Certificates };
  readonly publishing: Admitting;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: Partial<RtmpLimits>;
}

interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * The RTMP door, and the RTMPS door where there is one: takes connections up to its limit, and knows them until they are closed.
 *
 * Lifetime: bound when `openRtmpServer` resolves, until `close` resolves.
 */
export interface RtmpServer {
  readonly address: BoundAddress;
  readonly secureAddress: BoundAddress | null;
  /** Stops accepting, tells publishers so, gives them up to `graceMs` to go, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** Rejects with a Failure: `ingest.address-in-use`, `ingest.listen-failed`, `ingest.bad-certificate`. */
export async function openRtmpServer(options: RtmpServerOptions): Promise<RtmpServer> {
  const { log, secure } = options;
  const limits = { ...DEFAULT_RTMP_LIMITS, ...options.limits };
  const metrics = new RtmpMetrics(options.metrics);
  const connections = new RtmpConnections(options, limits, metrics);
  const plain = plainListener(limits, (socket) => connections.take(socket, 'rtmp'));
  const tls =
    secure === undefined
      ? null
      : secureListener({
          ...secure,
          limits,
          log,
          metrics,
          onConnection: (socket) => connections.take(socket, 'rtmps'),
        });
  for (const server of [plain, tls?.server]) server?.on('drop', () => metrics.turnedAway.inc());
  const close = (graceMs: number) => {
    tls?.release();
    return connections.close([plain, ...(tls === null ? [] : [tls.server])], graceMs, () => tls?.cut());
  };
  try {
    const address = await bind(plain, options, 'rtmp', log);
    const secureAddress = tls === null || secure === undefined ? null : await bind(tls.server, secure, 'rtmps', log);
    return { address, secureAddress, close };
  } catch (error) {
    await close(0);
    throw error;
  }
}

/** The open connections of both doors; sockets that are still in their TLS handshake are the listener's. */
class RtmpConnections {
  readonly #options: RtmpServerOptions;
  readonly #limits: RtmpLimits;
  readonly #metrics: RtmpMetrics;
  readonly #open = new Set<RtmpConnection>();
  readonly #pulse: ReadPulse;
  #accepted = 0;

  constructor(options: RtmpServerOptions, limits: RtmpLimits, metrics: RtmpMetrics) {
    this.#options = options;
    this.#limits = limits;
    this.#metrics = metrics;
    this.#pulse = new ReadPulse(limits.readRestMs);
  }

  take(socket: Socket, protocol: 'rtmp' | 'rtmps'): void {
    if (this.#open.size >= this.#limits.connectionsMax) {
      this.#metrics.turnedAway.inc();
      socket.destroy();
      return;
    }
    const { publishing } = this.#options;
    const log = this.#options.log.child({ connection: ++this.#accepted, remoteAddress: socket.remoteAddress });
    const [limits, metrics, pulse] = [this.#limits, this.#metrics, this.#pulse];
    const connection = new RtmpConnection({ socket, protocol, publishing, limits, metrics, pulse, log });
    this.#open.add(connection);
    metrics.connections.set(this.#open.size);
    connection.run().finally(() => {
      this.#open.delete(connection);
      metrics.connections.set(this.#open.size);
    });
  }

  async close(servers: readonly Server[], graceMs: number, cutTheRest: () => void): Promise<void> {
    const allClosed = Promise.all(servers.map(closed));
    for (const connection of this.#open) connection.stop('the server is closing');
    const deadline = setTimeout(() => {
      for (const connection of this.#open) connection.destroy();
      cutTheRest();
    }, graceMs);
    await allClosed;
    clearTimeout(deadline);
  }
}
