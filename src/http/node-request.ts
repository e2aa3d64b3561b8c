import type { Readable } from 'node:stream';
import { type HeaderLines, joinedHeader, type RequestHead } from './request-head.js';
import type { HttpRequest } from './server.js';

/** What the request asks of the exchange that it belongs to. */
export interface NodeExchangeFace {
  readonly signal: AbortSignal;
  /** The client's turn began (to send body bytes), or is over. */
  awaitingBody(waiting: boolean): void;
  /** Nobody reads the body any more; it may not be complete. */
  bodyLeft(): void;
}

/** A message of HTTP/1.1 or a stream of HTTP/2, as far as it brings the body. */
interface BodySource extends Readable {
  readonly aborted: boolean;
}

/** The request of Node's servers, over HTTP/1.1 and HTTP/2. Lives until its response has been sent or cut. */
export class NodeRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly protocol: HttpRequest['protocol'];
  readonly headers: HeaderLines;
  readonly remoteAddress: string;
  readonly hasBody: boolean;
  readonly scheme: HttpRequest['scheme'];
  readonly #source: BodySource;
  readonly #exchange: NodeExchangeFace;
  #bodyTaken = false;

  constructor(
    source: BodySource,
    head: RequestHead,
    arrival: Pick<HttpRequest, 'remoteAddress' | 'scheme' | 'protocol' | 'hasBody'>,
    exchange: NodeExchangeFace,
  ) {
    this.method = head.method;
    this.path = head.path;
    this.query = head.query;
    this.protocol = arrival.protocol;
    this.headers = head.headers;
    this.remoteAddress = plainAddress(arrival.remoteAddress);
    this.hasBody = arrival.hasBody;
    this.scheme = arrival.scheme;
    this.#source = source;
    this.#exchange = exchange;
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  get gone(): boolean {
    return this.signal.aborted;
  }

  onGone(listener: () => void): void {
    const { signal } = this;
    if (signal.aborted) listener();
    else signal.addEventListener('abort', listener, { once: true });
  }

  header(name: string): string | undefined {
    return joinedHeader(this.headers, name);
  }

  async *body(): AsyncGenerator<Buffer> {
    if (this.#bodyTaken) throw new Error('the body of a request can be read once');
    this.#bodyTaken = true;
    if (!this.hasBody) return;
    // An iterator that does not destroy on return: a handler that stops reading may still answer.
    const chunks: AsyncIterator<Buffer> = this.#source.iterator({ destroyOnReturn: false });
    try {
      for (;;) {
        this.#exchange.awaitingBody(true);
        const next = await chunks.next();
        this.#exchange.awaitingBody(false);
        // The reset of a stream may look like an end.
        if (this.#source.aborted) throw new Error('the client broke off the body');
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
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
