import type { HttpRequest, HttpResponse } from '../server.js';
import { type Outbox, sendable } from './outbox.js';
import type { AnswerMessage, FromDoor, ToDoor } from './thread-messages.js';

interface Waiting {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  body: AsyncIterator<Buffer> | null;
  /** The next piece, asked of the client before the owner asks for it: while nobody asks, the engine takes the client for slow. */
  next: Promise<IteratorResult<Buffer>> | null;
}

/** The side of a door's thread: hands requests to the thread that owns the handler, and its answers to the clients. */
export class DoorRelay {
  readonly #outbox: Outbox<FromDoor>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(outbox: Outbox<FromDoor>) {
    this.#outbox = outbox;
  }

  ask(request: HttpRequest, response: HttpResponse): void {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#waiting.set(id, { request, response, body: null, next: null });
    const { method, path, query, headers, scheme, remoteAddress, hasBody } = request;
    this.#outbox.post({ kind: 'asked', id, method, path, query, headers, scheme, remoteAddress, hasBody });
    request.onGone(() => this.#over(id, true));
  }

  take(message: Exclude<ToDoor, { kind: 'told' | 'close' | 'certificate' }>): void {
    const { id } = message;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    const { response } = waiting;
    if (message.kind === 'answer') this.#answer(waiting, message);
    else if (message.kind === 'write') this.#write(waiting, id, message.chunk);
    else if (message.kind === 'pull') void this.#pull(waiting, id);
    else if (message.kind === 'abort') response.abort();
    else {
      response.end();
      this.#ended(waiting, id);
    }
  }

  #answer(waiting: Waiting, { id, status, headers, length, chunk, isAll }: AnswerMessage): void {
    const { response } = waiting;
    response.start(status, headers, length);
    if (isAll) {
      response.end(chunk ?? undefined);
      this.#ended(waiting, id);
    } else if (chunk !== null) this.#write(waiting, id, chunk);
  }

  #write({ response }: Waiting, id: number, chunk: Uint8Array): void {
    const taken = () => this.#outbox.post({ kind: 'taken', id, bytes: chunk.length });
    if (response.write(chunk)) taken();
    else void response.drained().then(taken);
  }

  #ended({ request, response }: Waiting, id: number): void {
    void response.drained().then(() => this.#over(id, request.gone));
  }

  async #pull(waiting: Waiting, id: number): Promise<void> {
    try {
      waiting.body ??= waiting.request.body()[Symbol.asyncIterator]();
      const { done, value } = await (waiting.next ?? waiting.body.next());
      if (done) {
        this.#outbox.post({ kind: 'body', id, chunk: null });
        return;
      }
      waiting.next = waiting.body.next();
      // Whoever asks for it hears of its failure.
      waiting.next.catch(() => undefined);
      const { chunk, moved } = sendable(value);
      this.#outbox.post({ kind: 'body', id, chunk }, moved);
    } catch {
      this.#outbox.post({ kind: 'body-broken', id });
    }
  }

  #over(id: number, gone: boolean): void {
    if (this.#waiting.delete(id)) this.#outbox.post({ kind: 'over', id, gone });
  }
}
