import type { AccessLines } from './access-log.js';

/** Characters on their way to whoever writes them. */
const lengthMax = 4 * 1024 * 1024;
/** So many are said together, or what has come in so long. */
const togetherLength = 32 * 1024;
const togetherMs = 50;

/**
 * Lines on their way to whoever has the file, another thread or the same, said some at a time: each saying wakes somebody. Bounded: while that
 * one does not come to them, there is soon no room for more.
 */
export class GatheredLines implements AccessLines {
  readonly #say: (lines: string) => void;
  readonly #waiting: Int32Array;
  #gathered = '';
  #timer: NodeJS.Timeout | undefined;

  /** @param waiting how much is on its way from all threads; shared with whoever takes it. */
  constructor(waiting: SharedArrayBuffer, say: (lines: string) => void) {
    this.#waiting = new Int32Array(waiting);
    this.#say = say;
  }

  write(lines: string): boolean {
    if (Atomics.load(this.#waiting, 0) + lines.length > lengthMax) return false;
    Atomics.add(this.#waiting, 0, lines.length);
    this.#gathered += lines;
    if (this.#gathered.length >= togetherLength) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), togetherMs);
    return true;
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered !== '') this.#say(this.#gathered);
    this.#gathered = '';
  }
}

/** The other end: they have been taken. */
export const tookLines = (waiting: SharedArrayBuffer, lines: string): void => {
  Atomics.sub(new Int32Array(waiting), 0, lines.length);
};
