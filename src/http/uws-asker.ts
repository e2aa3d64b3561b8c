import type { QuickAsker } from './quick-answers.js';
import type { HttpRequest } from './server.js';
import type { UwsRequest, UwsResponse } from './uws-face.js';

/** Who asks, on the short way of the uWebSockets.js engine. Lives as long as its handler's call. */
export class UwsAsker implements QuickAsker {
  readonly scheme: HttpRequest['scheme'];
  readonly #native: UwsResponse;
  readonly #request: UwsRequest;

  constructor(native: UwsResponse, request: UwsRequest, scheme: HttpRequest['scheme']) {
    this.scheme = scheme;
    this.#native = native;
    this.#request = request;
  }

  get path(): string {
    return this.#request.getUrl();
  }

  addressBytes(): Uint8Array {
    return new Uint8Array(this.#native.getRemoteAddress());
  }

  field(name: string): string | undefined {
    const value = this.#request.getHeader(name).trim();
    return value === '' ? undefined : value;
  }
}
