import { type HeaderLines, joinedHeader } from '../request-head.js';
import type { HttpRequest } from '../server.js';
import type { AskedMessage } from './thread-messages.js';

/** A request that came to a door on another thread. Lives until its answer was sent there, or its client has gone. */
export class RelayedRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly protocol = 'HTTP/1.1';
  readonly headers: HeaderLines;
  readonly remoteAddress: string;
  readonly scheme: HttpRequest['scheme'];
  readonly hasBody: boolean;
  readonly #pull: () => void;
  #abort: AbortController | undefined;
  #goneListeners: (() => void)[] = [];
  #over = false;
  #gone = false;
  #bodyTaken = false;
  #arrived: ((piece: Buffer | 'end' | 'broken') => void) | undefined;

  /** `pull` asks for the next piece of the body. */
  constructor(asked: AskedMessage, pull: () => void) {
    this.method = asked.method;
    this.path = asked.path;
    this.query = asked.query;
    this.headers = asked.headers;
    this.remoteAddress = asked.remoteAddress;
    this.scheme = asked.scheme;
    this.hasBody = asked.hasBody;
    this.#pull = pull;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#gone) this.#abort.abort();
    return this.#abort.signal;
  }

  onGone(listener: () => void): void {
    if (this.#gone) listener();
    else if (!this.#over) this.#goneListeners.push(listener);
  }

  header(name: string): string | undefined {
    return joinedHeader(this.headers, name);
  }

  async *body(): AsyncGenerator<Buffer> {
    if (this.#bodyTaken) throw new Error('the body of a request can be read once');
    this.#bodyTaken = true;
    while (this.hasBody) {
      const piece = await this.#next();
      if (piece === 'end') return;
      if (piece === 'broken') throw new Error('the client broke off the request body, or the response ended before it');
      yield piece;
    }
  }

  /** The next piece of the body has come; null: there is no more. */
  arrived(chunk: Uint8Array | null): void {
    this.#arrived?.(chunk === null ? 'end' : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }

  bodyBroke(): void {
    this.#arrived?.('broken');
  }

  /** The exchange is over; `gone`: before everything was sent. */
  ended(gone: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#gone = gone;
    this.bodyBroke();
    if (!gone) return;
    this.#abort?.abort();
    for (const listener of this.#goneListeners) listener();
    this.#goneListeners = [];
  }

  #next(): Promise<Buffer | 'end' | 'broken'> {
    if (this.#over) return Promise.resolve('broken');
    this.#pull();
    return new Promise((resolve) => {
      this.#arrived = (piece) => {
        this.#arrived = undefined;
        resolve(piece);
      };
    });
  }
}
