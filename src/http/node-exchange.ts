import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { NodeExchangeFace } from './node-request.js';
import type { NodeClientFace } from './node-response.js';

/** Bytes of an unread request body that are thrown away after its answer to keep the connection; beyond, it is cut. */
const discardBytesMax = 1024 * 1024;

/** One request and its response on a socket: whose turn it is, and whether the client is still there. */
export class NodeExchange implements NodeExchangeFace, NodeClientFace {
  readonly #message: IncomingMessage;
  readonly #raw: ServerResponse;
  readonly #socket: Socket;
  readonly #idleTimeoutMs: number;
  readonly #isClosing: () => boolean;
  #abort: AbortController | undefined;
  #gone = false;
  #sent = false;
  #bodyAwaited = false;
  #clientAwaited = false;
  #forcedLast = false;

  constructor(message: IncomingMessage, raw: ServerResponse, idleTimeoutMs: number, isClosing: () => boolean) {
    this.#message = message;
    this.#raw = raw;
    this.#socket = message.socket;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#isClosing = isClosing;
    raw.once('finish', () => {
      this.#sent = true;
      this.#clientAwaited = false;
      if (!this.#bodyAwaited) this.bodyLeft();
    });
    raw.once('close', () => this.#closed());
    // A client that breaks off its body also makes the message fail; who reads it hears of it there.
    message.on('error', () => {});
  }

  /** Made when first asked for: most requests never are. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    // The response is destroyed a moment before it says so.
    if (this.#gone || this.#raw.destroyed) this.#closed();
    return this.#abort.signal;
  }

  get lastOnConnection(): boolean {
    return this.#forcedLast || this.#isClosing();
  }

  set lastOnConnection(last: boolean) {
    this.#forcedLast = last;
  }

  awaitingBody(waiting: boolean): void {
    this.#bodyAwaited = waiting;
    this.#watchIdle();
  }

  awaitingClient(waiting: boolean): void {
    this.#clientAwaited = waiting;
    this.#watchIdle();
  }

  bodyLeft(): void {
    if (this.#message.complete || !this.#sent || this.#message.listenerCount('data') > 0) return;
    let left = discardBytesMax;
    this.#message.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) this.#socket.destroy();
    });
    this.#message.resume();
  }

  /** Node's socket timer pushes itself back at every byte in or out, and destroys the socket when it fires. */
  #watchIdle(): void {
    if (this.#sent) return;
    this.#socket.setTimeout(this.#bodyAwaited || this.#clientAwaited ? this.#idleTimeoutMs : 0);
  }

  #closed(): void {
    if (this.#sent) return;
    this.#gone = true;
    this.#abort?.abort();
  }
}
