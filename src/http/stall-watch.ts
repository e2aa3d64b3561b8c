/** One side of an exchange that waits for its client. */
export interface Stallable {
  /** The client did nothing for too long: cut the connection. */
  cut(): void;
  /** Called at every sweep while it waits, for an engine whose own, shorter timer must be pushed back. */
  stillWaiting?(): void;
}

/** Longest time between two sweeps: less than half of uWebSockets.js' own ten-second timer, which `stillWaiting` pushes back. */
const sweepMsMax = 4000;

/**
 * Cuts clients that do nothing while it is their turn: to send body bytes that a handler reads, or to take bytes written.
 * One timer serves a whole server, so waiting costs a map entry. Lives from the server's opening to `close`.
 */
export class StallWatch {
  readonly #since = new Map<Stallable, number>();
  readonly #limitMs: number;
  readonly #timer: NodeJS.Timeout;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#timer = setInterval(() => this.#sweep(), Math.max(20, Math.min(sweepMsMax, limitMs / 4)));
    this.#timer.unref();
  }

  /** It waits for its client, as of now. */
  waiting(who: Stallable): void {
    this.#since.set(who, performance.now());
  }

  /** The client has done its part. */
  settled(who: Stallable): void {
    this.#since.delete(who);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#since.clear();
  }

  #sweep(): void {
    const now = performance.now();
    for (const [who, since] of this.#since) {
      if (now - since < this.#limitMs) {
        who.stillWaiting?.();
        continue;
      }
      this.#since.delete(who);
      who.cut();
    }
  }
}
