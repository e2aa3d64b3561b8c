import type { HeaderLines } from './request-head.js';
import { assertFinalStatus, bodyForbidden, sendableHeaders, statusLine } from './response-head.js';
import type { HttpResponse } from './server.js';
import type { Stallable, StallWatch } from './stall-watch.js';
import type { UwsResponse } from './uws-face.js';
import type { UwsLink } from './uws-link.js';

/**
 * Of the 16 KiB that uWebSockets.js collects before it writes to the socket, what a chunked body may fill. Of more at once it
 * loses the rest where the socket does not take what was collected: seldom over TCP, often over TLS.
 */
const corkBytes = 15 * 1024;
/** What of a chunked body is handed over last. */
const lastBytes = 512;
/** Around each chunk. */
const framingBytes = 16;

const joined = new WeakMap<HeaderLines, Buffer>();

/**
 * The first line's value and all other lines behind it: one call in place of one a line, and for the very same list the very
 * same bytes. Bytes, because a string would be sent as UTF-8; header values are bytes, which Node's strings hold as Latin-1.
 */
export function firstWithRest(headers: HeaderLines): Buffer {
  const known = joined.get(headers);
  if (known !== undefined) return known;
  const lines = headers.map(([name, value], index) => (index === 0 ? value : `${name}: ${value}`));
  const bytes = Buffer.from(lines.join('\r\n'), 'latin1');
  joined.set(headers, bytes);
  return bytes;
}

/**
 * The response of the uWebSockets.js engine: open → started → ended, and over (sent or cut) from any of them.
 *
 * Bodies of known length go through `tryEnd`, which copies nothing; so written chunks are held by reference until the
 * socket takes them. The head is kept until the first body bytes, since only they tell uWebSockets.js how to frame it.
 */
export class UwsResponseView implements HttpResponse, Stallable {
  readonly #link: UwsLink;
  readonly #watch: StallWatch;
  readonly #method: string;
  readonly #isClosing: () => boolean;
  #status = 0;
  #headers: HeaderLines = [];
  #length: number | undefined;
  #bodyless = false;
  #headSent = false;
  #started = false;
  #ended = false;
  #written = 0;
  /** Written, and not taken by the socket yet. */
  readonly #queue: Uint8Array[] = [];
  #blocked = false;
  #listensWritable = false;
  /** How much more may be collected until the socket is known to take it. */
  #corkLeft = corkBytes;
  #waiters: (() => void)[] = [];

  constructor(link: UwsLink, method: string, watch: StallWatch, isClosing: () => boolean) {
    this.#link = link;
    this.#method = method;
    this.#watch = watch;
    this.#isClosing = isClosing;
    link.onOver(() => this.#over());
  }

  get started(): boolean {
    return this.#started;
  }

  get ended(): boolean {
    return this.#ended;
  }

  start(status: number, headers: HeaderLines, contentLength?: number): void {
    if (this.#started) throw new Error('the response has started already');
    assertFinalStatus(status);
    this.#headers = sendableHeaders(headers);
    this.#status = status;
    this.#length = status === 204 ? undefined : contentLength;
    this.#bodyless = bodyForbidden(this.#method, status);
    this.#started = true;
  }

  /** Its head and the beginning of its body have been handed over by somebody else. @param length of the whole body. */
  sendRest(left: Uint8Array, length: number): void {
    this.#started = true;
    this.#headSent = true;
    this.#ended = true;
    this.#length = length;
    this.#written = length;
    this.#queue.push(left);
    const { native } = this.#link;
    if (native) this.#block(native);
  }

  inform(): boolean {
    return false;
  }

  write(chunk: Uint8Array): boolean {
    this.#assertWritable();
    this.#accept(chunk);
    if (!this.#blocked) this.#flush();
    return !this.#blocked;
  }

  end(chunk?: Uint8Array): void {
    this.#assertWritable();
    if (chunk) this.#accept(chunk);
    this.#ended = true;
    if (!this.#bodyless && this.#length !== undefined && this.#written < this.#length) this.#link.cut();
    else if (!this.#blocked) this.#flush();
  }

  get isDrained(): boolean {
    return !this.#link.native || (!this.#ended && !this.#blocked);
  }

  drained(): Promise<void> {
    if (this.isDrained) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  abort(): void {
    this.#started = true;
    this.#ended = true;
    this.#link.cut();
  }

  cut(): void {
    this.#link.cut();
  }

  /** uWebSockets.js cuts a client that takes nothing for ten seconds; the configured limit may be longer. */
  stillWaiting(): void {
    this.#link.pushTimer();
  }

  #assertWritable(): void {
    if (!this.#started) throw new Error('the response has not started');
    if (this.#ended && this.#link.native) throw new Error('the response has ended');
  }

  #accept(chunk: Uint8Array): void {
    if (this.#bodyless || chunk.byteLength === 0 || !this.#link.native) return;
    this.#written += chunk.byteLength;
    if (this.#length !== undefined && this.#written > this.#length) {
      throw new Error('more bytes were written than the Content-Length announced');
    }
    this.#queue.push(chunk);
  }

  /**
   * `again`: the socket takes more now. Then it is not corked, because over TLS what was not taken must be offered again as it
   * was, in one piece, and not cut up for the cork's buffer.
   */
  #flush(again = false): void {
    const native = this.#link.native;
    if (!native || (this.#queue.length === 0 && !this.#ended)) return;
    if (this.#ended || this.#written === this.#length) this.#link.dropBody();
    if (again) {
      if (this.#length !== undefined) this.#flushKnown(native, this.#length);
      else this.#flushSlices(native);
      return;
    }
    native.cork(() => {
      this.#sendHead(native);
      if (this.#bodyless) this.#finishBodyless(native);
      else if (this.#length !== undefined) this.#flushKnown(native, this.#length);
      else this.#flushChunked(native);
    });
  }

  #sendHead(native: UwsResponse): void {
    if (this.#headSent) return;
    this.#headSent = true;
    native.writeStatus(statusLine(this.#status));
    const first = this.#headers[0];
    if (first !== undefined) {
      const rest = firstWithRest(this.#headers);
      native.writeHeader(first[0], rest);
      this.#corkLeft -= rest.byteLength + 128;
    }
    if (this.#isClosing()) native.writeHeader('Connection', 'close');
  }

  #finishBodyless(native: UwsResponse): void {
    // Told the length itself, it would wait for that many bytes and cut the connection at the next request.
    if (this.#length !== undefined) native.writeHeader('Content-Length', String(this.#length));
    native.endWithoutBody();
    this.#link.finished();
  }

  #flushKnown(native: UwsResponse, length: number): void {
    if (length === 0 && this.#ended) {
      native.end();
      this.#link.finished();
      return;
    }
    for (let chunk = this.#queue[0]; chunk; chunk = this.#queue[0]) {
      const before = native.getWriteOffset();
      const [taken, complete] = native.tryEnd(chunk, length);
      if (complete) {
        this.#queue.length = 0;
        this.#link.finished();
        return;
      }
      if (!taken) {
        this.#queue[0] = chunk.subarray(native.getWriteOffset() - before);
        this.#block(native);
        return;
      }
      this.#queue.shift();
    }
  }

  #flushChunked(native: UwsResponse): void {
    for (let chunk = this.#queue[0]; chunk; chunk = this.#queue[0]) {
      this.#corkLeft -= chunk.byteLength + framingBytes;
      if (this.#corkLeft < 0) {
        this.#block(native);
        setImmediate(() => this.#writable());
        return;
      }
      this.#queue.shift();
      if (!native.write(chunk)) {
        this.#block(native);
        return;
      }
    }
    this.#endChunked(native);
  }

  /**
   * Each slice is collected and written by itself. Whether it was taken is only said when the next one comes: so the last one
   * is a small one.
   */
  #flushSlices(native: UwsResponse): void {
    this.#corkLeft = corkBytes;
    for (let chunk = this.#queue[0]; chunk; chunk = this.#queue[0]) {
      const isLast = this.#queue.length === 1 && chunk.byteLength > lastBytes;
      const slice = chunk.subarray(0, Math.min(corkBytes, chunk.byteLength - (isLast ? lastBytes : 0)));
      if (slice.byteLength < chunk.byteLength) this.#queue[0] = chunk.subarray(slice.byteLength);
      else this.#queue.shift();
      let taken = true;
      native.cork(() => {
        taken = native.write(slice);
      });
      if (!taken) {
        this.#block(native);
        return;
      }
    }
    native.cork(() => this.#endChunked(native));
  }

  #endChunked(native: UwsResponse): void {
    if (!this.#ended) return;
    native.end();
    this.#link.finished();
  }

  #block(native: UwsResponse): void {
    this.#blocked = true;
    this.#watch.waiting(this);
    if (this.#listensWritable) return;
    this.#listensWritable = true;
    native.onWritable(() => this.#writable());
  }

  #writable(): boolean {
    if (!this.#blocked) return true;
    this.#blocked = false;
    this.#watch.settled(this);
    this.#flush(true);
    if (!this.#blocked && !this.#ended) this.#wakeAll();
    return !this.#blocked;
  }

  #over(): void {
    this.#queue.length = 0;
    this.#watch.settled(this);
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
