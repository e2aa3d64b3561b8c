/**
 * Lets many sockets rest between two reads and wakes them together: a publisher's small messages are then taken several at a
 * time, with one turn of the event loop for all publishers instead of one for each message.
 *
 * Lifetime: as long as its server; the timer runs only while somebody rests. The list is bounded by the server's connections:
 * each rests once at a time.
 */
export class ReadPulse {
  readonly #periodMs: number;
  #resting: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** At most `periodMs` pass from `rest` to the waking; 0: nobody rests. */
  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /** False: there is no rest, go on reading. */
  rest(wake: () => void): boolean {
    if (this.#periodMs === 0) return false;
    this.#resting.push(wake);
    this.#timer ??= setTimeout(() => this.#beat(), this.#periodMs);
    return true;
  }

  #beat(): void {
    this.#timer = null;
    const woken = this.#resting;
    this.#resting = [];
    for (const wake of woken) wake();
  }
}
