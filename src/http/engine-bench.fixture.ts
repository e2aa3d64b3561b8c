/** Opens servers for the contract tests, and closes what a test left open. */
import { onTestFinished } from 'vitest';
import type { Log } from '../telemetry/log.js';
import { silentLog } from '../telemetry/log.js';
import { RawClient } from './raw-client.fixture.js';
import type { HttpHandler, HttpRequest, HttpServer, HttpServerOptions } from './server.js';

type OpenEngine = (options: HttpServerOptions, handler: HttpHandler, log: Log) => Promise<HttpServer>;

/** What a contract test must know of the engine that it tests. */
export interface EngineTraits {
  readonly engine: 'uws' | 'node';
  readonly open: OpenEngine;
  /** What becomes of requests pipelined behind one that is answered later. */
  readonly latePipelining: 'answered' | 'cut';
  /** Whether a header line without a name is refused; else it hides what stands behind it, as from a head that ends there. */
  readonly namelessHeader: 'refused' | 'ends the head';
  /** The longest that a connection may stay open which sends no whole head, under small configured timeouts. */
  readonly headDeadlineMs: number;
}

interface Bench {
  serve(handler: HttpHandler, options?: Partial<HttpServerOptions>): Promise<HttpServer>;
  client(server: HttpServer): RawClient;
}

/** How a test says what is to be done when it is over. A test that runs beside others has its own, in its context. */
type OnFinished = (cleanUp: () => Promise<void> | void) => void;

/** A bench whose servers and clients are gone when the test is over. */
export function engineBench(open: OpenEngine, onFinished: OnFinished = onTestFinished): Bench {
  return {
    async serve(handler, options = {}) {
      const server = await open({ host: '127.0.0.1', port: 0, ...options }, handler, silentLog);
      onFinished(() => server.close(0));
      return server;
    },
    client(server) {
      const client = new RawClient(server.address.port);
      onFinished(() => client.destroy());
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
