import type { AddressInfo, Server } from 'node:net';
import type { Log } from '../telemetry/log.js';
import { listenFailure } from './http-failure.js';

/** Binds one of Node's servers and says where it listens. Throws `HttpFailure` when it cannot; later errors are logged. */
export function listenAt(
  server: Server,
  host: string,
  port: number,
  log: Log,
): Promise<{ host: string; port: number }> {
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
