/** Opens servers for the contract tests, and closes what a test left open. */
import { onTestFinished } from 'vitest';
import type { Log } from '../telemetry/log.js';
import { silentLog } from '../telemetry/log.js';
import type { ContractClient } from './contract-client.fixture.js';
import { RawClient } from './raw-client.fixture.js';
import type { HttpHandler, HttpRequest, HttpServer, HttpServerOptions } from './server.js';

type OpenEngine = (options: HttpServerOptions, handler: HttpHandler, log: Log) => Promise<HttpServer>;

/** What a contract test must know of the engine that it tests. */
export interface EngineTraits {
  readonly engine: HttpServer['engine'];
  readonly open: OpenEngine;
  /** Default: bytes as they are over TCP. */
  readonly connect?: (port: number) => ContractClient;
  /** Default `http`. */
  readonly scheme?: HttpRequest['scheme'];
  /** Default `http/1.1`. Over `h2` nothing is said by the bytes of heads and by connections that close. */
  readonly protocol?: 'http/1.1' | 'h2';
  /** What becomes of requests pipelined behind one that is answered later. */
  readonly latePipelining: 'answered' | 'cut';
  /** Every answer comes later than in the turn that brought its request. Default false. */
  readonly answersLate?: boolean;
  /** What becomes of interim answers. */
  readonly interim: 'sent' | 'kept back';
  /** Whether a header line without a name is refused; else it hides what stands behind it, as from a head that ends there. */
  readonly namelessHeader: 'refused' | 'ends the head';
  /** How long slow clients take, so that an engine's own clocks have fired by then. Default 15 s, for uWebSockets.js. */
  readonly patienceMs?: number;
  /** The longest that a connection may stay open which sends no whole head, under small configured timeouts. */
  readonly headDeadlineMs: number;
}

interface Bench {
  serve(handler: HttpHandler, options?: Partial<HttpServerOptions>): Promise<HttpServer>;
  client(server: HttpServer): ContractClient;
}

/** How a test says what is to be done when it is over. A test that runs beside others has its own, in its context. */
type OnFinished = (cleanUp: () => Promise<void> | void) => void;

/** A bench whose servers and clients are gone when the test is over. */
export function engineBench(
  { open, connect = (port) => new RawClient(port) }: Pick<EngineTraits, 'open' | 'connect'>,
  onFinished: OnFinished = onTestFinished,
): Bench {
  return {
    async serve(handler, options = {}) {
      const server = await open({ host: '127.0.0.1', port: 0, ...options }, handler, silentLog);
      onFinished(() => server.close(0));
      return server;
    },
    client(server) {
      const client = connect(server.address.port);
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
