import type { Stallable, StallWatch } from './stall-watch.js';
import type { UwsLink } from './uws-link.js';

/** Above this many held bytes the socket is paused. One read of the socket may add 512 KiB before the pause takes hold. */
const pauseBytes = 64 * 1024;

/**
 * A request body as a bounded pull stream: arriving → complete, or broken off. The socket is paused while more is held than
 * the reader has asked for. Once the exchange is over what still arrives is thrown away.
 */
export class UwsBody implements Stallable {
  readonly #link: UwsLink;
  readonly #watch: StallWatch;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #complete = false;
  #wake: (() => void) | undefined;

  constructor(link: UwsLink, watch: StallWatch) {
    this.#link = link;
    this.#watch = watch;
    link.native?.onData((chunk, isLast) => this.#arrived(chunk, isLast));
    link.onOver(() => this.#over());
  }

  async *chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#held.shift();
      if (chunk) {
        this.#heldBytes -= chunk.length;
        if (this.#heldBytes <= pauseBytes) this.#link.pause(false);
        yield chunk;
      } else if (this.#complete) {
        return;
      } else if (!this.#link.native) {
        throw new Error('the client broke off the request body, or the response ended before it');
      } else {
        await this.#more();
      }
    }
  }

  cut(): void {
    this.#link.cut();
  }

  /** uWebSockets.js cuts a body slower than 16 KB/s after ten seconds; the configured limit is on silence alone. */
  stillWaiting(): void {
    this.#link.pushTimer();
  }

  #more(): Promise<void> {
    this.#link.pause(false);
    this.#watch.waiting(this);
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#watch.settled(this);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #arrived(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#link.native && !this.#link.bodyDropped && chunk.byteLength > 0) {
      // The chunk is emptied after this call: copy it.
      const copy = Buffer.allocUnsafe(chunk.byteLength);
      copy.set(new Uint8Array(chunk));
      this.#held.push(copy);
      this.#heldBytes += copy.length;
    }
    this.#complete ||= isLast;
    if (!isLast && this.#heldBytes > pauseBytes) this.#link.pause(true);
    this.#wake?.();
  }

  #over(): void {
    if (!this.#complete) this.#held = [];
    this.#wake?.();
  }
}
