/** Opens servers for the contract tests, and closes what a test left open. */
import { afterEach } from 'vitest';
import type { Log } from '../telemetry/log.js';
import { silentLog } from '../telemetry/log.js';
import { RawClient } from './raw-client.fixture.js';
import type { HttpHandler, HttpRequest, HttpServer, HttpServerOptions } from './server.js';

export type OpenEngine = (options: HttpServerOptions, handler: HttpHandler, log: Log) => Promise<HttpServer>;

export interface Bench {
  serve(handler: HttpHandler, options?: Partial<HttpServerOptions>): Promise<HttpServer>;
  client(server: HttpServer): RawClient;
}

/** A bench whose servers and clients are gone after each test. */
export function engineBench(open: OpenEngine): Bench {
  const servers: HttpServer[] = [];
  const clients: RawClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await Promise.all(servers.splice(0).map((server) => server.close(0)));
  });
  return {
    async serve(handler, options = {}) {
      const server = await open({ host: '127.0.0.1', port: 0, ...options }, handler, silentLog);
      servers.push(server);
      return server;
    },
    client(server) {
      const client = new RawClient(server.address.port);
      clients.push(client);
      return client;
    },
  };
}

/** A request head with a Host, ready to send. */
export function head(requestLine: string, ...lines: string[]): string {
  return `${[`${requestLine} HTTP/1.1`, 'Host: test.example', ...lines].join('\r\n')}\r\n\r\n`;
}

/** Answers every request with its own path. */
export const answerPath: HttpHandler = (request, response) => {
  const body = Buffer.from(request.path);
  response.start(200, [['content-type', 'text/plain']], body.length);
  response.end(body);
};

export async function bodyOf(request: HttpRequest): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request.body()) parts.push(part);
  return Buffer.concat(parts);
}
