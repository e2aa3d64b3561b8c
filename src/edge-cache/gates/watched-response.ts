import type { HttpRequest, HttpResponse } from '../../http/server.js';
import type { HeaderPairs } from '../semantics/header-fields.js';

/**
 * A response on its way to the client: how much of it there was, when it was over, and a last change to its head.
 *
 * Over, once: when all has been handed to the kernel, when the client has gone or was cut, or when the handler threw.
 */
export class WatchedResponse implements HttpResponse {
  /** 0 until there is one. */
  status = 0;
  headers: HeaderPairs = [];
  /** Of the body, handed over. */
  bytes = 0;
  /** Changes the head; must give back the very same list for the very same one where it can. */
  rewrite: ((status: number, headers: HeaderPairs) => HeaderPairs) | null = null;
  readonly #request: HttpRequest;
  readonly #inner: HttpResponse;
  #listeners: (() => void)[] = [];
  #over = false;

  constructor(request: HttpRequest, inner: HttpResponse) {
    this.#request = request;
    this.#inner = inner;
    request.onGone(() => this.#end());
  }

  /** The client did not get all of it. */
  get cut(): boolean {
    return this.#request.gone;
  }

  onOver(listener: () => void): void {
    if (this.#over) listener();
    else this.#listeners.push(listener);
  }

  get started(): boolean {
    return this.#inner.started;
  }

  get ended(): boolean {
    return this.#inner.ended;
  }

  start(status: number, headers: HeaderPairs, contentLength?: number): void {
    this.status = status;
    this.headers = headers;
    this.#inner.start(status, this.rewrite === null ? headers : this.rewrite(status, headers), contentLength);
  }

  inform(status: number, headers: HeaderPairs): boolean {
    return this.#inner.inform(status, headers);
  }

  write(chunk: Uint8Array): boolean {
    this.#count(chunk);
    return this.#inner.write(chunk);
  }

  get isDrained(): boolean {
    return this.#inner.isDrained;
  }

  drained(): Promise<void> {
    return this.#inner.drained();
  }

  end(chunk?: Uint8Array): void {
    if (chunk) this.#count(chunk);
    this.#inner.end(chunk);
    void this.#inner.drained().then(() => this.#end());
  }

  abort(): void {
    this.#inner.abort();
    this.#end();
  }

  /** The engine answers 500, or cuts what has begun. */
  threw(): void {
    if (!this.#inner.started) this.status = 500;
    this.#end();
  }

  #count(chunk: Uint8Array): void {
    if (this.#request.method !== 'HEAD') this.bytes += chunk.byteLength;
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}
