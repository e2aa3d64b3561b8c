import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Http2ClientFace } from './http2-response.js';
import type { NodeExchangeFace } from './node-request.js';
import type { Stallable, StallWatch } from './stall-watch.js';

/** One request and its response on a stream: whose turn it is, and whether the client is still there. */
export class Http2Exchange implements NodeExchangeFace, Http2ClientFace, Stallable {
  readonly #stream: ServerHttp2Stream;
  readonly #watch: StallWatch;
  #abort: AbortController | undefined;
  #gone = false;
  #sent = false;
  #bodyAwaited = false;
  #clientAwaited = false;

  constructor(stream: ServerHttp2Stream, watch: StallWatch) {
    this.#stream = stream;
    this.#watch = watch;
    // A reset is told by the close that follows; unheard, the error would end the process.
    stream.on('error', () => {});
    stream.once('finish', () => this.#finished());
    stream.once('close', () => this.#closed());
  }

  /** Made when first asked for: most requests never are. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#gone || this.#stream.destroyed) this.#closed();
    return this.#abort.signal;
  }

  awaitingBody(waiting: boolean): void {
    this.#bodyAwaited = waiting;
    this.#watchIdle();
  }

  awaitingClient(waiting: boolean): void {
    this.#clientAwaited = waiting;
    this.#watchIdle();
  }

  /** What still comes of it fills the stream's window, and then stops; the stream is closed once all is sent. */
  bodyLeft(): void {}

  cut(): void {
    // Destroyed with an error, it is reset; `close` would first end the body, and the client take it for whole.
    this.#stream.destroy(new Error('the exchange was cut'));
  }

  #watchIdle(): void {
    if (!this.#sent && !this.#gone && (this.#bodyAwaited || this.#clientAwaited)) this.#watch.waiting(this);
    else this.#watch.settled(this);
  }

  /** All is sent: a request body that is still coming has no reader any more (RFC 9113 §8.1). */
  #finished(): void {
    if (this.#stream.aborted) return;
    this.#sent = true;
    this.#watch.settled(this);
    if (!this.#stream.readableEnded) setImmediate(() => this.#stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #closed(): void {
    this.#watch.settled(this);
    if (this.#sent) return;
    this.#gone = true;
    this.#abort?.abort();
  }
}
