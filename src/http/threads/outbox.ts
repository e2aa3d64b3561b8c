import type { MessagePort, Worker } from 'node:worker_threads';

/** Gathers what is said to another thread in one turn of the loop, and sends it as one list: a message costs more than what it says. */
export class Outbox<Message> {
  readonly #port: Pick<MessagePort | Worker, 'postMessage'>;
  #waiting: Message[] = [];
  #moved: ArrayBuffer[] = [];

  constructor(port: Pick<MessagePort | Worker, 'postMessage'>) {
    this.#port = port;
  }

  /** `moved`: its bytes go over to the other thread, and are gone here. */
  post(message: Message, moved?: ArrayBuffer): void {
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push(message);
    if (moved !== undefined) this.#moved.push(moved);
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const messages = this.#waiting;
    const moved = this.#moved;
    this.#waiting = [];
    this.#moved = [];
    this.#port.postMessage(messages, moved);
  }
}

/** Bytes as another thread can have them: shared ones as they are; of others a copy, which is moved there. */
export function sendable(bytes: Uint8Array): { readonly chunk: Uint8Array; readonly moved?: ArrayBuffer } {
  if (bytes.buffer instanceof SharedArrayBuffer) return { chunk: bytes };
  const moved = new ArrayBuffer(bytes.length);
  const chunk = new Uint8Array(moved);
  chunk.set(bytes);
  return { chunk, moved };
}
