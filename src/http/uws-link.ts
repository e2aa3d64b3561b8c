import type { UwsResponse } from './uws-face.js';

/**
 * The one holder of a uWebSockets.js response: live → finished (all was handed over) or gone (the client left, or it was cut).
 * After either no call may be made on the native object, so everything goes through `native`, which is then undefined.
 */
export class UwsLink {
  #native: UwsResponse | undefined;
  #abort: AbortController | undefined;
  #goneListeners: readonly (() => void)[] | undefined;
  #gone = false;
  #paused = false;
  #bodyDropped = false;
  readonly #listeners: (() => void)[] = [];
  readonly #left: () => void;

  /** `left` is called once, when the exchange is over either way. */
  constructor(native: UwsResponse, left: () => void) {
    this.#native = native;
    this.#left = left;
    native.onAborted(() => this.#over(true));
  }

  get native(): UwsResponse | undefined {
    return this.#native;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Made when first asked for: most requests never are. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#gone) this.#abort.abort();
    return this.#abort.signal;
  }

  /** While paused nothing is read from the socket: no body bytes, and a client that leaves is noticed late. */
  pause(paused: boolean): void {
    if (paused === this.#paused || (paused && this.#bodyDropped)) return;
    this.#paused = paused;
    if (paused) this.#native?.pause();
    else this.#native?.resume();
  }

  /** uWebSockets.js cuts a client after ten quiet seconds; pausing and resuming start its timer anew. */
  pushTimer(): void {
    if (this.#paused) {
      this.#native?.resume();
      this.#native?.pause();
    } else {
      this.#native?.pause();
      this.#native?.resume();
    }
  }

  get bodyDropped(): boolean {
    return this.#bodyDropped;
  }

  /**
   * The whole response is on its way: what still comes of the request's body is thrown away. The socket must read again
   * before the last byte is handed over, because afterwards it cannot be told to, and the connection's next request would
   * wait until it is cut.
   */
  dropBody(): void {
    this.#bodyDropped = true;
    this.pause(false);
  }

  /** Calls back once when the exchange is over; look at `gone` to know how. */
  onOver(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Calls back once when the client has gone, or the connection was cut, before everything was handed over; at once if it has. */
  onGone(listener: () => void): void {
    if (this.#gone) listener();
    else if (this.#native) this.#goneListeners = [...(this.#goneListeners ?? []), listener];
  }

  /** Everything of the response has been handed over. */
  finished(): void {
    this.#over(false);
  }

  /** Closes the connection; uWebSockets.js reports it back as an abort. */
  cut(): void {
    this.#native?.close();
  }

  #over(gone: boolean): void {
    if (!this.#native) return;
    this.#native = undefined;
    this.#gone = gone;
    this.#left();
    for (const listener of this.#listeners) listener();
    if (!gone) return;
    this.#abort?.abort();
    for (const listener of this.#goneListeners ?? []) listener();
  }
}
