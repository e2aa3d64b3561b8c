import { Worker } from 'node:worker_threads';

/** Runs on a thread of its own: it is there for the case that this one never comes back. */
const WATCHER = `
const { workerData } = require('node:worker_threads');
const beats = new Int32Array(workerData.beats);
const names = Buffer.from(workerData.name);
let seen = -1;
setInterval(() => {
  const beat = Atomics.load(beats, 0);
  if (beat === seen) {
    const name = names.toString('utf8', 0, names.indexOf(0));
    require('node:fs').writeSync(2, 'fuzz: hung for ' + workerData.limitMs + ' ms at ' + name + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }
  seen = beat;
}, workerData.limitMs);
`;
const NAME_BYTES = 256;

/**
 * Ends the process, naming the input, when an input keeps this thread for longer than the limit: a loop without an end can't be
 * stopped otherwise. An input that merely waits is its own target's affair.
 *
 * Lifetime: one fuzz run, until `close`.
 */
export class Watchdog {
  readonly #beats = new Int32Array(new SharedArrayBuffer(4));
  readonly #name = Buffer.from(new SharedArrayBuffer(NAME_BYTES));
  readonly #worker: Worker;
  readonly #alive: NodeJS.Timeout;

  constructor(limitMs: number) {
    const workerData = { beats: this.#beats.buffer, name: this.#name.buffer, limitMs };
    this.#worker = new Worker(WATCHER, { eval: true, workerData });
    this.#worker.unref();
    this.#alive = setInterval(() => Atomics.add(this.#beats, 0, 1), limitMs / 4);
    this.#alive.unref();
  }

  /** A new input begins. */
  beat(name: string): void {
    this.#name.fill(0);
    this.#name.write(name.slice(0, NAME_BYTES - 1), 'latin1');
    Atomics.add(this.#beats, 0, 1);
  }

  async close(): Promise<void> {
    clearInterval(this.#alive);
    await this.#worker.terminate();
  }
}
