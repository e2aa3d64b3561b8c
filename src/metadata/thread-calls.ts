import { Worker } from 'node:worker_threads';
import { Failure } from '../telemetry/failure.js';
import { builtProgram } from '../telemetry/package-files.js';
import { failureFrom, type MetadataFailure } from './failures.js';
import type { LoggedEntry } from './log.js';
import type { Answer, ThreadCommand, ThreadReport, ThreadStart } from './thread-messages.js';

export interface ThreadCallsOptions {
  readonly file: string;
  /** Calls that may wait for their answer at once; one more fails with `metadata.overloaded`. */
  readonly outstandingMax: number;
  readonly onApplied: (logged: LoggedEntry) => void;
  /** The thread ended without having been asked to. */
  readonly onDeath: (failure: MetadataFailure) => void;
}

/**
 * The calls across to the catalog's thread. It goes `starting` (until `ready` resolves or rejects) → `open` → `closing` →
 * `over`; a thread that dies goes to `over` at once, and every call that waits, or comes later, fails with `metadata.stopped`.
 */
export class ThreadCalls {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #options: ThreadCallsOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #over: Promise<void>;
  #lastCall = 0;
  #state: 'starting' | 'open' | 'closing' | 'over' = 'starting';
  #failure: MetadataFailure = stopped('the catalog is closed');
  #opened: Pending = { resolve: () => {}, reject: () => {} };

  constructor(options: ThreadCallsOptions) {
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#opened = { resolve: () => resolve(), reject };
    });
    const workerData: ThreadStart = { file: options.file };
    this.#worker = new Worker(builtProgram('catalog-thread'), { workerData, name: 'catalog', execArgv: [] });
    this.#worker.on('message', (report: ThreadReport) => this.#take(report));
    this.#worker.on('error', (error) => this.#end(stopped('the catalog thread failed', error)));
    this.#over = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#end(stopped('the catalog thread ended'));
        resolve();
      });
    });
  }

  get outstanding(): number {
    return this.#pending.size;
  }

  append(entry: unknown): Promise<unknown> {
    return this.#call((call) => ({ kind: 'append', call, entry }));
  }

  ask(query: string, args: readonly unknown[]): Promise<unknown> {
    return this.#call((call) => ({ kind: 'ask', call, query, args }));
  }

  /** Lets the calls that wait be answered and the file be closed; a thread that takes longer than 10 s is cut. */
  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#worker.postMessage({ kind: 'close' } satisfies ThreadCommand);
    }
    const deadline = setTimeout(() => void this.#worker.terminate(), CLOSE_MS_MAX);
    await this.#over;
    clearTimeout(deadline);
  }

  #call(command: (call: number) => ThreadCommand): Promise<unknown> {
    if (this.#state === 'closing' || this.#state === 'over') return Promise.reject(this.#failure);
    if (this.#pending.size >= this.#options.outstandingMax) return Promise.reject(overloaded(this.#pending.size));
    this.#lastCall += 1;
    const call = this.#lastCall;
    return new Promise((resolve, reject) => {
      // What cannot be cloned throws here, before anything waits for an answer.
      this.#worker.postMessage(command(call));
      this.#pending.set(call, { resolve, reject });
    });
  }

  #take(report: ThreadReport): void {
    if (report.kind === 'answers') for (const answer of report.answers) this.#settle(answer);
    else if (report.kind === 'applied') this.#options.onApplied(report.logged);
    else if (report.kind === 'failed') this.#end(failureFrom(report.failure));
    else {
      this.#state = 'open';
      this.#opened.resolve(undefined);
    }
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.call);
    this.#pending.delete(answer.call);
    if ('failure' in answer) pending?.reject(failureFrom(answer.failure));
    else pending?.resolve(answer.value);
  }

  #end(failure: MetadataFailure): void {
    if (this.#state === 'over') return;
    const before = this.#state;
    this.#state = 'over';
    if (before !== 'closing') this.#failure = failure;
    this.#opened.reject(failure);
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(this.#failure);
    if (before === 'open') this.#options.onDeath(failure);
  }
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (failure: MetadataFailure) => void;
}

const CLOSE_MS_MAX = 10_000;

const stopped = (message: string, cause?: unknown): MetadataFailure =>
  new Failure('metadata.stopped', cause instanceof Error ? `${message}: ${cause.message}` : message, {
    hint: 'The box must be started again; everything that was acknowledged is on the disk.',
    cause,
  });

const overloaded = (outstanding: number): MetadataFailure =>
  new Failure('metadata.overloaded', `${outstanding} calls wait for the catalog already`, {
    hint: 'Try again shortly. If it lasts, the disk under the data folder is too slow for what is asked of it.',
  });
