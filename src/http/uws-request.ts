import { addressText } from './address-text.js';
import { type BodyFraming, type HeaderLines, joinedHeader, type RequestHead } from './request-head.js';
import type { HttpRequest } from './server.js';
import type { StallWatch } from './stall-watch.js';
import { UwsBody } from './uws-body.js';
import type { UwsLink } from './uws-link.js';

const noAddress = new Uint8Array(0);

/** The request of the uWebSockets.js engine. Lives until its response has been sent or cut. */
export class UwsRequestView implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly protocol = 'HTTP/1.1';
  readonly headers: HeaderLines;
  readonly hasBody: boolean;
  readonly scheme: HttpRequest['scheme'];
  readonly #link: UwsLink;
  readonly #body: UwsBody | undefined;
  #remoteAddress: string | undefined;
  #bodyTaken = false;

  constructor(
    head: RequestHead,
    framing: BodyFraming,
    link: UwsLink,
    watch: StallWatch,
    scheme: HttpRequest['scheme'],
  ) {
    this.method = head.method;
    this.path = head.path;
    this.query = head.query;
    this.headers = head.headers;
    this.hasBody = framing.kind !== 'none';
    this.scheme = scheme;
    this.#link = link;
    this.#body = this.hasBody ? new UwsBody(link, watch) : undefined;
  }

  get signal(): AbortSignal {
    return this.#link.signal;
  }

  get gone(): boolean {
    return this.#link.gone;
  }

  onGone(listener: () => void): void {
    this.#link.onGone(listener);
  }

  /** Read when first asked for: most requests' addresses never are. */
  get remoteAddress(): string {
    this.#remoteAddress ??= this.#readAddress();
    return this.#remoteAddress;
  }

  #readAddress(): string {
    const address = this.#link.native?.getRemoteAddress();
    return addressText(address === undefined ? noAddress : new Uint8Array(address));
  }

  header(name: string): string | undefined {
    return joinedHeader(this.headers, name);
  }

  async *body(): AsyncGenerator<Buffer> {
    if (this.#bodyTaken) throw new Error('the body of a request can be read once');
    this.#bodyTaken = true;
    if (this.#body) yield* this.#body.chunks();
  }
}
