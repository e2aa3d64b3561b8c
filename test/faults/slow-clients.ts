import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Connected at once; more would overflow the queue of what is to be accepted. */
const connectingMax = 250;
const beatMs = 1000;

/**
 * Clients of one door that want little, and that slowly.
 *
 * Lives until `close`, or until the door has closed all of them.
 */
export class SlowClients {
  /** How many have got something. */
  answered = 0;
  readonly #port: number;
  readonly #open = new Set<Socket>();
  readonly #beats = new Set<NodeJS.Timeout>();

  constructor(port: number) {
    this.#port = port;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Say nothing. Resolves when all are connected. */
  async silent(count: number): Promise<void> {
    for (let left = count; left > 0; left -= connectingMax) {
      await Promise.all(
        Array.from({ length: Math.min(left, connectingMax) }, async () => {
          const socket = connect(this.#port, '127.0.0.1');
          this.#watch(socket);
          await once(socket, 'connect');
        }),
      );
    }
  }

  /** Say `greeting` at once and `rest` byte by byte, one a second. */
  senders(count: number, greeting: string, rest: string): void {
    for (let n = 0; n < count; n += 1) {
      const socket = connect(this.#port, '127.0.0.1');
      this.#watch(socket);
      socket.write(greeting);
      let at = 0;
      this.#beat(socket, () => {
        socket.write(rest.slice(at, at + 1));
        at += 1;
        return at < rest.length;
      });
    }
  }

  /** Ask, and take one byte a second of the answer from the system. */
  readers(count: number, request: string): void {
    for (let n = 0; n < count; n += 1) {
      // A buffer of one byte, and no more until the next second.
      const onread = { buffer: Buffer.alloc(1), callback: () => false };
      const socket = connect({ port: this.#port, host: '127.0.0.1', onread });
      this.#watch(socket);
      socket.write(request);
      this.#beat(socket, () => {
        socket.resume();
        return true;
      });
    }
  }

  close(): void {
    for (const beat of this.#beats) clearInterval(beat);
    for (const socket of this.#open) socket.destroy();
  }

  #watch(socket: Socket): void {
    this.#open.add(socket);
    socket.once('data', () => {
      this.answered += 1;
    });
    socket.on('error', () => undefined);
    socket.once('close', () => this.#open.delete(socket));
  }

  /** @param act false: that was all */
  #beat(socket: Socket, act: () => boolean): void {
    const beat = setInterval(() => {
      if (!act()) stop();
    }, beatMs);
    const stop = () => {
      clearInterval(beat);
      this.#beats.delete(beat);
    };
    this.#beats.add(beat);
    socket.once('close', stop);
  }
}
