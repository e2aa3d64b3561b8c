import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Failure, messageOf } from '../../telemetry/failure.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { type Address, formatAddress } from '../address.js';

/** The operator's inner door: `/metrics` (Prometheus text) and `/healthz`. No password: keep it off public networks. */
export interface AdminDoor {
  readonly address: string;
  close(): Promise<void>;
}

export async function openAdmin(at: Address, metrics: Metrics): Promise<AdminDoor> {
  const server = createServer({ requestTimeout: 5000, maxHeaderSize: 8192 }, async (request, response) => {
    if (request.url === '/metrics') {
      response.setHeader('content-type', metrics.registry.contentType).end(await metrics.text());
    } else if (request.url === '/healthz') {
      response.setHeader('content-type', 'text/plain').end('ok\n');
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('there are /metrics and /healthz\n');
    }
  });
  server.maxConnections = 64;
  await new Promise<void>((done, failed) => {
    server.once('error', (cause) =>
      failed(
        new Failure('cli.admin-address', `the admin door cannot listen on ${formatAddress(at)}: ${messageOf(cause)}`, {
          hint: 'Give it another address with --admin ADDR:PORT (port 0: any free one).',
          cause,
        }),
      ),
    );
    server.listen(at.port, at.host, done);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: formatAddress({ host: at.host, port }),
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
