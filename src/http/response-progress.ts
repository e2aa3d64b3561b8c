import { assertFinalStatus, bodyForbidden } from './response-head.js';

/** How far a response of Node's servers is: open → started → ended; and how much of its announced Content-Length it still owes. */
export class ResponseProgress {
  readonly #method: string;
  #started = false;
  #ended = false;
  #bodyless = false;
  #owed: number | undefined;

  constructor(method: string) {
    this.#method = method;
  }

  get started(): boolean {
    return this.#started;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What is written of a body is not sent. */
  get bodyless(): boolean {
    return this.#bodyless;
  }

  /** Fewer bytes were written than were announced. */
  get owes(): boolean {
    return this.#owed !== undefined && this.#owed > 0;
  }

  /** Throws when the response cannot start so. @returns the Content-Length to send, if any. */
  start(status: number, contentLength: number | undefined): number | undefined {
    if (this.#started) throw new Error('the response has started already');
    assertFinalStatus(status);
    this.#started = true;
    this.#bodyless = bodyForbidden(this.#method, status);
    this.#owed = this.#bodyless ? undefined : contentLength;
    return status === 204 ? undefined : contentLength;
  }

  /** `gone`: nobody is there to hear that the handler goes on after the end. */
  assertWritable(gone: boolean): void {
    if (!this.#started) throw new Error('the response has not started');
    if (this.#ended && !gone) throw new Error('the response has ended');
  }

  count(bytes: number): void {
    if (this.#owed === undefined) return;
    this.#owed -= bytes;
    if (this.#owed < 0) throw new Error('more bytes were written than the Content-Length announced');
  }

  end(): void {
    this.#ended = true;
  }

  abort(): void {
    this.#started = true;
    this.#ended = true;
  }
}
