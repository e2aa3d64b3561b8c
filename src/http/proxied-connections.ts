/**
 * Connections that proxies pass on with a PROXY header before anything else, at one of Node's servers.
 *
 * Who connects from a trusted network must begin with one, in time, or is cut; nobody else is asked for one, and who sends it anyway
 * is refused by what reads next. A connection is waiting for its header, then the server's, under its client's address. Bounded
 * by the connections there are, each of which may hold one header and one read of its socket. Lives as long as its server.
 */
import type { Server, Socket } from 'node:net';
import type { Log } from '../telemetry/log.js';
import { readProxyHeader } from './proxy-protocol.js';
import type { ProxyProtocol } from './server.js';

/** Refusals are said to the operator this often at most. */
const warnEveryMs = 60_000;

export class ProxiedConnections {
  readonly #trusts: ProxyProtocol['trusts'];
  readonly #deadlineMs: number;
  readonly #log: Log;
  readonly #waiting = new Set<Socket>();
  /** The client of each connection, by its peer's address and port: a socket over TLS is not the one that came. */
  readonly #clients = new Map<string, string>();
  #warnedAt = Number.NEGATIVE_INFINITY;

  /** `deadlineMs`: within it a header must have come. */
  constructor({ trusts }: ProxyProtocol, deadlineMs: number, log: Log) {
    this.#trusts = trusts;
    this.#deadlineMs = deadlineMs;
    this.#log = log;
  }

  /** Comes before all that listens for the server's connections now. */
  standBefore(server: Server): void {
    const listeners = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      const proceed = () => {
        for (const listener of listeners) listener.call(server, socket);
      };
      if (this.#trusts(socket.remoteAddress ?? '')) this.#await(socket, proceed);
      else proceed();
    });
  }

  addressOf(socket: Socket): string {
    return this.#clients.get(placeOf(socket)) ?? socket.remoteAddress ?? '';
  }

  /** Cuts those that wait. */
  close(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  #await(socket: Socket, proceed: () => void): void {
    let held = Buffer.alloc(0);
    this.#waiting.add(socket);
    const late = setTimeout(() => refuse('it did not come in time'), this.#deadlineMs);
    const settled = () => {
      clearTimeout(late);
      this.#waiting.delete(socket);
      socket.off('readable', onReadable).off('error', ignore).off('close', settled).off('end', onEnd);
    };
    const refuse = (reason: string) => {
      this.#refused(socket, reason);
      settled();
      socket.on('error', ignore);
      socket.destroy();
    };
    const onEnd = () => socket.destroy();
    const onReadable = () => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        held = Buffer.concat([held, chunk]);
      }
      const header = held.length === 0 ? ({ kind: 'incomplete' } as const) : readProxyHeader(held);
      if (header.kind === 'incomplete') return;
      if (header.kind === 'broken') {
        refuse(header.reason);
        return;
      }
      settled();
      if (header.bytes < held.length) socket.unshift(held.subarray(header.bytes));
      if (header.client !== null) this.#note(socket, header.client);
      // A socket that was read like this can only be read otherwise from the next tick on.
      socket.once('error', ignore);
      process.nextTick(() => {
        socket.off('error', ignore);
        if (!socket.destroyed) proceed();
      });
    };
    socket.on('readable', onReadable).on('error', ignore).on('close', settled).on('end', onEnd);
  }

  #note(socket: Socket, client: string): void {
    const place = placeOf(socket);
    this.#clients.set(place, client);
    socket.once('close', () => this.#clients.delete(place));
  }

  #refused(socket: Socket, reason: string): void {
    const now = performance.now();
    const details = { peer: socket.remoteAddress, reason };
    if (now - this.#warnedAt < warnEveryMs) {
      this.#log.debug(details, 'a connection without a good PROXY header was cut');
      return;
    }
    this.#warnedAt = now;
    const hint = 'Make that proxy send it (HAProxy: send-proxy-v2), or take its network from http.trustedProxies.';
    this.#log.warn({ ...details, hint }, 'a connection from a trusted network without a good PROXY header was cut');
  }
}

const ignore = () => {};

const placeOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;
