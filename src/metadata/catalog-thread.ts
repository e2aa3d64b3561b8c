import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { CatalogStore } from './catalog-store.js';
import { openLogFile } from './embedded-log-file.js';
import { failureFacts, sqliteFailure } from './failures.js';
import type { CatalogQueries, QueryName } from './queries.js';
import type { Answer, ThreadCommand, ThreadReport, ThreadStart } from './thread-messages.js';

/**
 * The thread that alone opens SQLite, so that no thread that carries media ever waits for a disk. It starts with
 * `openCatalog`, and ends with `close` or with the process.
 *
 * Commands that arrive while a transaction is being fsynced wait and share the next one. The queue is bounded by the other
 * side, which counts outstanding calls (thread-calls.ts).
 */
class CatalogThread {
  readonly #port: MessagePort;
  readonly #store: CatalogStore;
  #appends: Extract<ThreadCommand, { kind: 'append' }>[] = [];
  #asks: Extract<ThreadCommand, { kind: 'ask' }>[] = [];
  #closing = false;
  #scheduled = false;

  constructor(port: MessagePort, store: CatalogStore) {
    this.#port = port;
    this.#store = store;
    store.onApplied((logged) => this.#report({ kind: 'applied', logged }));
    port.on('message', (command: ThreadCommand) => this.#take(command));
    this.#report({ kind: 'ready', position: store.position });
  }

  #take(command: ThreadCommand): void {
    if (command.kind === 'append') this.#appends.push(command);
    else if (command.kind === 'ask') this.#asks.push(command);
    else this.#closing = true;
    this.#schedule();
  }

  /** After the messages that have arrived with this one. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  /**
   * One transaction, then the questions: so a question finds what its caller proposed before it, answered or not, unless
   * more than a batch of appends waits. Followers hear of an entry before whoever proposed it is answered: a stream key must
   * be known at the door when its owner reads it.
   */
  #turn(): void {
    this.#scheduled = false;
    const batch = this.#appends.splice(0, BATCH_ENTRIES_MAX);
    if (batch.length > 0) {
      const answers = this.#commit(batch);
      this.#store.announce();
      this.#answer(answers);
    }
    const asks = this.#asks.splice(0, BATCH_ENTRIES_MAX);
    if (asks.length > 0) this.#answer(asks.map((ask) => this.#reply(ask)));
    if (this.#appends.length > 0 || this.#asks.length > 0) this.#schedule();
    else if (this.#closing) this.#close();
  }

  #commit(batch: readonly Extract<ThreadCommand, { kind: 'append' }>[]): Answer[] {
    try {
      const commits = this.#store.commit(batch.map(({ entry }) => entry));
      return batch.map(({ call }, index) => answerOf(call, commits[index]));
    } catch (error) {
      const failure = failureFacts(sqliteFailure(error, 'the entries could not be written', 'metadata.write-failed'));
      return batch.map(({ call }) => ({ call, failure }));
    }
  }

  #reply({ call, query, args }: Extract<ThreadCommand, { kind: 'ask' }>): Answer {
    try {
      return { call, value: this.#store.ask(query as QueryName, args as Parameters<CatalogQueries[QueryName]>) };
    } catch (error) {
      const failure = failureFacts(sqliteFailure(error, `the query ${query} failed`, 'metadata.read-failed'));
      return { call, failure };
    }
  }

  #answer(answers: readonly Answer[]): void {
    this.#report({ kind: 'answers', answers });
  }

  #report(report: ThreadReport): void {
    this.#port.postMessage(report);
  }

  #close(): void {
    this.#store.close();
    this.#port.close();
  }
}

/** Enough to make one fsync serve a burst, few enough that the first of a burst does not wait long. */
const BATCH_ENTRIES_MAX = 256;

function answerOf(call: number, commit: ReturnType<CatalogStore['commit']>[number] | undefined): Answer {
  if (commit === undefined) throw new Error('a batch came back shorter than it was');
  return 'verdict' in commit ? { call, value: commit.verdict } : { call, failure: commit.failure };
}

function start(port: MessagePort): void {
  try {
    const { file } = workerData as ThreadStart;
    new CatalogThread(port, new CatalogStore(openLogFile(file)));
  } catch (error) {
    const failure = failureFacts(sqliteFailure(error, 'the catalog could not be opened', 'metadata.open-failed'));
    port.postMessage({ kind: 'failed', failure } satisfies ThreadReport);
    port.close();
  }
}

if (parentPort === null) throw new Error('catalog-thread.ts runs as a worker thread only');
start(parentPort);
