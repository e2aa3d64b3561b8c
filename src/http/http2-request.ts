import type { ServerHttp2Stream } from 'node:http2';
import { type HeaderLines, joinedHeader, type RequestHead } from './request-head.js';
import type { HttpRequest } from './server.js';

/** What the request asks of the exchange that it belongs to. */
export interface Http2BodyFace {
  readonly signal: AbortSignal;
  /** The client's turn began (to send body bytes), or is over. */
  awaitingBody(waiting: boolean): void;
}

/** The request of an HTTP/2 stream. Lives until its response has been sent or cut. */
export class Http2Request implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderLines;
  readonly remoteAddress: string;
  readonly scheme: HttpRequest['scheme'];
  readonly hasBody: boolean;
  readonly #stream: ServerHttp2Stream;
  readonly #exchange: Http2BodyFace;
  #bodyTaken = false;

  constructor(
    stream: ServerHttp2Stream,
    head: RequestHead,
    connection: Pick<HttpRequest, 'remoteAddress' | 'scheme'>,
    exchange: Http2BodyFace,
  ) {
    this.method = head.method;
    this.path = head.path;
    this.query = head.query;
    this.headers = head.headers;
    this.remoteAddress = connection.remoteAddress;
    this.scheme = connection.scheme;
    // The frames say whether a body follows; a Content-Length is only held against it (RFC 9113 §8.1.1).
    this.hasBody = !stream.endAfterHeaders && joinedHeader(head.headers, 'content-length') !== '0';
    this.#stream = stream;
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
    if (!this.hasBody) return;
    // An iterator that does not destroy on return: a handler that stops reading may still answer.
    const chunks: AsyncIterator<Buffer> = this.#stream.iterator({ destroyOnReturn: false });
    try {
      for (;;) {
        this.#exchange.awaitingBody(true);
        const next = await chunks.next();
        this.#exchange.awaitingBody(false);
        // A reset may look like an end.
        if (this.#stream.aborted) throw new Error('the client broke off the body');
        if (next.done) return;
        yield next.value;
      }
    } finally {
      this.#exchange.awaitingBody(false);
      await chunks.return?.();
    }
  }
}
