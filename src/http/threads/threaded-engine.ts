/**
 * The HTTP server over uWebSockets.js on several threads that share one port: the kernel spreads connections over them. Requests that a thread's program
 * does not answer itself come to the one handler, on the thread that opened the server. Lives from `openThreadedServer` to `close`.
 */
import type { Log } from '../../telemetry/log.js';
import type { Certificates } from '../certificate-files.js';
import { findFreePort, HttpFailure } from '../http-failure.js';
import type { HttpHandler, HttpServer, HttpServerOptions } from '../server.js';
import { DoorLink } from './door-link.js';

export interface ThreadedServerOptions extends HttpServerOptions {
  /** Over TLS, with these. Default: plain. */
  readonly certificates?: Certificates;
  /** How many, at least 1. */
  readonly threads: number;
  /** What each runs: a program that calls `runDoor`. */
  readonly program: URL;
  /** What each is given; must be fit for `postMessage`. Default: nothing. */
  readonly forProgram?: () => unknown;
  /** What the program of any thread says. Default: it is not heard. */
  readonly onSaid?: (what: unknown) => void;
  /** A thread ended without having been asked to: its connections are gone. */
  readonly onDeath?: (error: unknown) => void;
}

export interface ThreadedServer extends HttpServer {
  /** Tells the programs of all threads. */
  tellAll(what: unknown): void;
}

/** Threads cannot share a port that the system chose for one of them: it is found first, and somebody else may be quicker. */
const triesForFreePort = 5;

/** Throws `HttpFailure` when it cannot listen. */
export async function openThreadedServer(
  options: ThreadedServerOptions,
  handler: HttpHandler,
  log: Log,
): Promise<ThreadedServer> {
  for (let tries = 1; ; tries += 1) {
    try {
      // Threads can share a port, and so could a stranger's process in silence: so it is asked for alone first.
      return await openAt(await findFreePort(options.host, options.port), options, handler, log);
    } catch (error) {
      if (options.port !== 0 || tries === triesForFreePort) throw error;
    }
  }
}

async function openAt(
  port: number,
  options: ThreadedServerOptions,
  handler: HttpHandler,
  log: Log,
): Promise<ThreadedServer> {
  const { host, threads, program, forProgram, headTimeoutMs, idleTimeoutMs, headBytesMax } = options;
  const { certificates, onSaid = () => {} } = options;
  const certificate = certificates?.current() ?? null;
  const common = { host, port, headTimeoutMs, idleTimeoutMs, headBytesMax, logLevel: log.level, certificate };
  const onDeath = (error: unknown) => {
    log.fatal({ err: error }, 'a thread of the public door ended');
    options.onDeath?.(error);
  };
  const links = Array.from({ length: threads }, () => {
    const start = { ...common, forProgram: forProgram?.() };
    return new DoorLink({ program, start, handler, log, onSaid, onDeath });
  });
  const openings = await Promise.all(links.map((link) => link.opened));
  const failed = openings.find((opening) => !opening.opened);
  if (failed !== undefined) {
    await Promise.all(links.filter((_, at) => openings[at]?.opened).map((link) => link.close(0)));
    const { code = 'http.not-listening', hint, reason } = failed.opened ? { reason: '' } : failed;
    throw new HttpFailure(code, `a thread cannot serve at ${host}:${port}: ${reason}`, {
      hint: hint ?? 'One thread alone (edge.threads: 1) may do.',
    });
  }
  const forgetCertificates = certificates?.onChange(() => {
    for (const link of links) link.certify(certificates.current());
  });
  let closing: Promise<void> | undefined;
  return {
    engine: 'uws-threads',
    address: { host, port },
    tellAll: (what) => {
      for (const link of links) link.tell(what);
    },
    close: (graceMs) => {
      forgetCertificates?.();
      closing ??= Promise.all(links.map((link) => link.close(graceMs))).then(() => undefined);
      return closing;
    },
  };
}
