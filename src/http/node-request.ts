import type { IncomingMessage } from 'node:http';
import { type BodyFraming, type HeaderLines, joinedHeader, type RequestHead } from './request-head.js';
import type { HttpRequest } from './server.js';

/** What the request asks of the exchange that it belongs to. */
export interface NodeExchangeFace {
  readonly signal: AbortSignal;
  /** The client's turn began (to send body bytes), or is over. */
  awaitingBody(waiting: boolean): void;
  /** Nobody reads the body any more; it may not be complete. */
  bodyLeft(): void;
}

/** Copies the head of Node's message: raw names and values, so that duplicates stay separate. */
export function headOf(message: IncomingMessage): RequestHead {
  const headers: [string, string][] = [];
  const raw = message.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    headers.push([(raw[i] ?? '').toLowerCase(), (raw[i + 1] ?? '').trim()]);
  }
  const target = message.url ?? '';
  const mark = target.indexOf('?');
  return {
    method: message.method ?? '',
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers,
  };
}

/** The request of the node engine. Lives until its response has been sent or cut. */
export class NodeRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderLines;
  readonly remoteAddress: string;
  readonly hasBody: boolean;
  readonly scheme: HttpRequest['scheme'];
  readonly #message: IncomingMessage;
  readonly #exchange: NodeExchangeFace;
  #bodyTaken = false;

  constructor(
    message: IncomingMessage,
    head: RequestHead,
    framing: BodyFraming,
    scheme: HttpRequest['scheme'],
    exchange: NodeExchangeFace,
  ) {
    this.method = head.method;
    this.path = head.path;
    this.query = head.query;
    this.headers = head.headers;
    this.remoteAddress = plainAddress(message.socket.remoteAddress ?? '');
    this.hasBody = framing.kind !== 'none';
    this.scheme = scheme;
    this.#message = message;
    this.#exchange = exchange;
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  header(name: string): string | undefined {
    return joinedHeader(this.headers, name);
  }

  async *body(): AsyncGenerator<Buffer> {
    if (this.#bodyTaken) throw new Error('the body of a request can be read once');
    this.#bodyTaken = true;
    // An iterator that does not destroy on return: a handler that stops reading may still answer.
    const chunks: AsyncIterator<Buffer> = this.#message.iterator({ destroyOnReturn: false });
    try {
      for (;;) {
        this.#exchange.awaitingBody(true);
        const next = await chunks.next();
        this.#exchange.awaitingBody(false);
        if (next.done) return;
        yield next.value;
      }
    } finally {
      this.#exchange.awaitingBody(false);
      await chunks.return?.();
      this.#exchange.bodyLeft();
    }
  }
}

/** An IPv4 address reached through a dual-stack socket is written as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
