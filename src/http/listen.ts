import type { AddressInfo, Server } from 'node:net';
import type { Log } from '../telemetry/log.js';
import { listenFailure } from './http-failure.js';
import type { HttpServer } from './server.js';

/** The connections of one of Node's servers, as its end needs them. */
export interface Connections {
  /** How many there are. */
  readonly connections: number;
  /** Lets go of those that have nothing under way; the others close after what they have. */
  closeIdle(): void;
  cutAll(): void;
  /** The last one is gone. */
  closed?(): void;
}

/** Opens one of Node's servers. Throws `HttpFailure` when it cannot listen. Lives until `close`. */
export async function listenAt(
  server: Server,
  where: { readonly host: string; readonly port: number },
  parts: { readonly engine: HttpServer['engine']; readonly connections: Connections; readonly log: Log },
): Promise<HttpServer> {
  const address = await bind(server, where, parts.log);
  let closing: Promise<void> | undefined;
  return {
    engine: parts.engine,
    address,
    close: (graceMs) => {
      closing ??= drain(server, parts.connections, graceMs);
      return closing;
    },
  };
}

/** Says where it listens; later errors are logged. */
function bind(
  server: Server,
  { host, port }: { host: string; port: number },
  log: Log,
): Promise<HttpServer['address']> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error) => reject(listenFailure(host, port, error));
    server.once('error', refused);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', refused);
      server.on('error', (error) => log.error({ err: error }, 'http server failed to accept'));
      const bound = server.address() as AddressInfo;
      resolve({ host: bound.address, port: bound.port });
    });
  });
}

async function drain(server: Server, connections: Connections, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  connections.closeIdle();
  const cut = setTimeout(() => connections.cutAll(), graceMs);
  await closed;
  clearTimeout(cut);
  // The server reports its close a moment before its connections do; afterwards every signal has fired.
  do await new Promise((resolve) => setImmediate(resolve));
  while (connections.connections > 0);
  connections.closed?.();
}
