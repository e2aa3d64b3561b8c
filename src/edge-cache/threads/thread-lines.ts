import type { AccessLines } from '../gates/access-log.js';

/** Characters on their way to whoever writes them. */
const lengthMax = 4 * 1024 * 1024;

/**
 * The access log of a thread with a door: gathers its lines for a turn of the loop and says them to the thread that has the file. Bounded: while that
 * one does not come to them, there is soon no room for more.
 */
export class ThreadLines implements AccessLines {
  readonly #say: (lines: string) => void;
  readonly #waiting: Int32Array;
  #gathered = '';

  /** @param waiting how much is on its way; shared with whoever takes it. */
  constructor(waiting: SharedArrayBuffer, say: (lines: string) => void) {
    this.#waiting = new Int32Array(waiting);
    this.#say = say;
  }

  write(lines: string): boolean {
    if (Atomics.load(this.#waiting, 0) + lines.length > lengthMax) return false;
    Atomics.add(this.#waiting, 0, lines.length);
    if (this.#gathered === '') setImmediate(() => this.flush());
    this.#gathered += lines;
    return true;
  }

  flush(): void {
    if (this.#gathered !== '') this.#say(this.#gathered);
    this.#gathered = '';
  }
}

/** The other end: they have been taken. */
export const tookLines = (waiting: SharedArrayBuffer, lines: string): void => {
  Atomics.sub(new Int32Array(waiting), 0, lines.length);
};
