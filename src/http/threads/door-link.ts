import { Worker } from 'node:worker_threads';
import type { Log } from '../../telemetry/log.js';
import { runHandler } from '../run-handler.js';
import type { HttpHandler } from '../server.js';
import { Outbox } from './outbox.js';
import { RelayedRequest } from './relayed-request.js';
import { RelayedResponse } from './relayed-response.js';
import type { AskedMessage, DoorCertificate, DoorOpening, DoorStart, FromDoor, ToDoor } from './thread-messages.js';

interface Relayed {
  readonly request: RelayedRequest;
  readonly response: RelayedResponse;
}

export interface DoorLinkOptions {
  readonly program: URL;
  readonly start: DoorStart;
  readonly handler: HttpHandler;
  readonly log: Log;
  /** What the program of the thread says. */
  readonly onSaid: (what: unknown) => void;
  /** The thread ended without having been asked to. */
  readonly onDeath: (error: unknown) => void;
}

/**
 * One thread with a door, as the thread sees it that owns the handler: starting (until `opened` resolves) → open → closing → over. It must never be
 * terminated from here: a thread that still has uWebSockets.js's sockets takes the whole process with it.
 */
export class DoorLink {
  readonly opened: Promise<DoorOpening>;
  readonly #outbox: Outbox<ToDoor>;
  readonly #options: DoorLinkOptions;
  readonly #exchanges = new Map<number, Relayed>();
  readonly #exited: Promise<void>;
  #isClosing = false;

  constructor(options: DoorLinkOptions) {
    this.#options = options;
    const worker = new Worker(options.program, { workerData: options.start, name: 'door', execArgv: [] });
    this.#outbox = new Outbox(worker);
    let died: unknown;
    worker.on('error', (error) => {
      died = error;
    });
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        for (const id of [...this.#exchanges.keys()]) this.#over(id, true);
        resolve();
        if (!this.#isClosing) options.onDeath(died);
      });
    });
    this.opened = new Promise((resolve) => {
      worker.once('message', (opening: DoorOpening) => {
        // It ends by itself.
        if (!opening.opened) this.#isClosing = true;
        worker.on('message', (messages: FromDoor[]) => this.#takeAll(messages));
        resolve(opening);
      });
      void this.#exited.then(() => resolve({ opened: false, reason: String(died ?? 'the thread ended') }));
    });
  }

  /** Something for the program of the thread. */
  tell(what: unknown): void {
    this.#outbox.post({ kind: 'told', what });
  }

  /** From now on it serves this. */
  certify(pair: DoorCertificate): void {
    this.#outbox.post({ kind: 'certificate', pair });
  }

  /** Stops accepting, lets what is under way finish for up to `graceMs`, then cuts it. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#outbox.post({ kind: 'close', graceMs });
    await this.#exited;
  }

  #takeAll(messages: readonly FromDoor[]): void {
    for (const message of messages) this.#take(message);
  }

  #take(message: FromDoor): void {
    if (message.kind === 'asked') {
      this.#serve(message);
      return;
    }
    if (message.kind === 'said') {
      this.#options.onSaid(message.what);
      return;
    }
    const exchange = this.#exchanges.get(message.id);
    if (exchange === undefined) return;
    if (message.kind === 'taken') exchange.response.took(message.bytes);
    else if (message.kind === 'over') this.#over(message.id, message.gone);
    else if (message.kind === 'body') exchange.request.arrived(message.chunk);
    else exchange.request.bodyBroke();
  }

  #serve(asked: AskedMessage): void {
    const { id } = asked;
    // It came before the door heard of its closing.
    if (this.#isClosing) {
      this.#outbox.post({ kind: 'abort', id });
      return;
    }
    const request = new RelayedRequest(asked, () => this.#outbox.post({ kind: 'pull', id }));
    const response = new RelayedResponse(id, asked.method, this.#outbox, () => request.ended(true));
    this.#exchanges.set(id, { request, response });
    runHandler(this.#options.handler, request, response, this.#options.log);
  }

  #over(id: number, gone: boolean): void {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return;
    this.#exchanges.delete(id);
    exchange.response.finished();
    exchange.request.ended(gone);
  }
}
