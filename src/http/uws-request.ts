import { type BodyFraming, type HeaderLines, joinedHeader, type RequestHead } from './request-head.js';
import type { HttpRequest } from './server.js';
import type { StallWatch } from './stall-watch.js';
import { UwsBody } from './uws-body.js';
import type { UwsLink } from './uws-link.js';

const noAddress = new ArrayBuffer(0);

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
    this.#remoteAddress ??= addressText(this.#link.native?.getRemoteAddress() ?? noAddress);
    return this.#remoteAddress;
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

/** Four bytes are IPv4, sixteen IPv6, where an IPv4 address reached through a dual-stack socket is written as IPv4. */
function addressText(address: ArrayBuffer): string {
  const bytes = new Uint8Array(address);
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.subarray(12).join('.');
  return shortestIpv6(bytes);
}

/** RFC 5952: the longest run of zero groups becomes `::`. */
function shortestIpv6(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  let best = { at: 0, length: 0 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === '0') length++;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}
