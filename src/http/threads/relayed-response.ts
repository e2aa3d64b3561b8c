import type { HeaderLines } from '../request-head.js';
import { sendableHeaders } from '../response-head.js';
import { ResponseProgress } from '../response-progress.js';
import type { HttpResponse } from '../server.js';
import { type Outbox, sendable } from './outbox.js';
import type { ToDoor } from './thread-messages.js';

/** Bytes that may be under way to the client through the other thread before the writer is asked to wait. */
const windowBytes = 1024 * 1024;

/** The answer to a request that came to a door on another thread. Lives until it was sent there, or its client has gone. */
export class RelayedResponse implements HttpResponse {
  readonly #id: number;
  readonly #progress: ResponseProgress;
  readonly #outbox: Outbox<ToDoor>;
  readonly #aborted: () => void;
  #head: { readonly status: number; readonly headers: HeaderLines; readonly length: number | undefined } | null = null;
  #headSent = false;
  #over = false;
  #written = 0;
  #taken = 0;
  #waiters: (() => void)[] = [];

  /** `aborted` is called when it is aborted; `finished` is still to come then, once nobody looks at what was written. */
  constructor(id: number, method: string, outbox: Outbox<ToDoor>, aborted: () => void) {
    this.#aborted = aborted;
    this.#id = id;
    this.#progress = new ResponseProgress(method);
    this.#outbox = outbox;
  }

  get started(): boolean {
    return this.#progress.started;
  }

  get ended(): boolean {
    return this.#progress.ended;
  }

  start(status: number, headers: HeaderLines, contentLength?: number): void {
    const lines = sendableHeaders(headers);
    this.#head = { status, headers: lines, length: this.#progress.start(status, contentLength) };
  }

  /** The doors that have threads cannot. */
  inform(): boolean {
    return false;
  }

  write(chunk: Uint8Array): boolean {
    this.#progress.assertWritable(this.#over);
    if (this.#accepts(chunk)) this.#send(chunk, false);
    return this.#mayWrite;
  }

  end(chunk?: Uint8Array): void {
    this.#progress.assertWritable(this.#over);
    const last = chunk !== undefined && this.#accepts(chunk) ? chunk : null;
    this.#progress.end();
    this.#send(last, true);
  }

  get isDrained(): boolean {
    return this.#over || (!this.ended && this.#taken === this.#written);
  }

  drained(): Promise<void> {
    if (this.isDrained) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  abort(): void {
    this.#progress.abort();
    if (this.#over) return;
    this.#outbox.post({ kind: 'abort', id: this.#id });
    this.#aborted();
  }

  /** So many more bytes have been handed to the kernel. */
  took(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken === this.#written && !this.ended) this.#wakeAll();
  }

  /** Everything was handed over, or never will be. */
  finished(): void {
    this.#over = true;
    this.#wakeAll();
  }

  get #mayWrite(): boolean {
    return this.#over || this.#written - this.#taken < windowBytes;
  }

  #accepts(chunk: Uint8Array): boolean {
    if (this.#progress.bodyless || chunk.byteLength === 0 || this.#over) return false;
    this.#progress.count(chunk.byteLength);
    this.#written += chunk.byteLength;
    return true;
  }

  #send(bytes: Uint8Array | null, isAll: boolean): void {
    if (this.#over || this.#head === null) return;
    const { chunk, moved } = bytes === null ? { chunk: null } : sendable(bytes);
    const id = this.#id;
    if (!this.#headSent) {
      this.#headSent = true;
      this.#outbox.post({ kind: 'answer', id, ...this.#head, chunk, isAll }, moved);
      return;
    }
    if (chunk !== null) this.#outbox.post({ kind: 'write', id, chunk }, moved);
    if (isAll) this.#outbox.post({ kind: 'end', id });
  }

  #wakeAll(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
