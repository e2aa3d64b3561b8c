import { type HeaderLines, joinedHeader } from '../../http/request-head.js';
import type { HttpRequest } from '../../http/server.js';

/** What of a request is another than as it arrived. */
export interface Changed {
  readonly path?: string;
  readonly query?: string;
  readonly remoteAddress?: string;
  readonly scheme?: HttpRequest['scheme'];
  readonly headers?: HeaderLines;
}

/** A request as what stands behind a gate sees it. Lives as long as the one that it is made of. */
export class ClientRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly protocol: HttpRequest['protocol'];
  readonly headers: HeaderLines;
  readonly scheme: HttpRequest['scheme'];
  readonly hasBody: boolean;
  readonly #arrived: HttpRequest;
  readonly #remoteAddress: string | undefined;

  constructor(arrived: HttpRequest, changed: Changed) {
    this.method = arrived.method;
    this.path = changed.path ?? arrived.path;
    this.query = changed.query ?? arrived.query;
    this.protocol = arrived.protocol;
    this.headers = changed.headers ?? arrived.headers;
    this.scheme = changed.scheme ?? arrived.scheme;
    this.hasBody = arrived.hasBody;
    this.#arrived = arrived;
    this.#remoteAddress = changed.remoteAddress;
  }

  get remoteAddress(): string {
    return this.#remoteAddress ?? this.#arrived.remoteAddress;
  }

  get signal(): AbortSignal {
    return this.#arrived.signal;
  }

  get gone(): boolean {
    return this.#arrived.gone;
  }

  onGone(listener: () => void): void {
    this.#arrived.onGone(listener);
  }

  header(name: string): string | undefined {
    return joinedHeader(this.headers, name);
  }

  body(): AsyncIterable<Buffer> {
    return this.#arrived.body();
  }
}
