import type { Writable } from 'node:stream';
import { FRAME_HEAD_BYTES, MEDIA_FRAME, REPORT_FRAME, writeFrameHead } from './pipe-frames.js';

const SLAB_BYTES = 1024 * 1024;
/** The largest SRT message, with room to spare. */
const MESSAGE_BYTES_MAX = 1500;
/** Of one frame: a connection gets its turn again after the others. */
const BATCH_BYTES_MAX = 128 * 1024;
/** What our process has not taken yet. More than this, and nothing is read from SRT. */
const UNREAD_BYTES_MAX = 2 * 1024 * 1024;

/**
 * The listener's end of the pipe. Messages are received straight into large slabs, one frame per turn of a connection; a slab
 * is given up when it is full, so nothing is copied and nothing is overwritten under the pipe.
 */
export class PipeWriter {
  readonly #pipe: Writable;
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;
  /** Up to where the slab has been given to the pipe. */
  #written = 0;

  constructor(pipe: Writable) {
    this.#pipe = pipe;
  }

  /** Nothing may be added now; `whenFree` calls back when something may. */
  get full(): boolean {
    return this.#pipe.writableLength + this.#used - this.#written > UNREAD_BYTES_MAX;
  }

  whenFree(free: () => void): void {
    this.#pipe.once('drain', free);
  }

  report(report: object): void {
    this.flush();
    const json = Buffer.from(JSON.stringify(report));
    const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + json.length);
    writeFrameHead(frame, 0, REPORT_FRAME, 0, json.length);
    json.copy(frame, FRAME_HEAD_BYTES);
    this.#pipe.write(frame);
  }

  /**
   * Asks `receive` for messages until it has none (0 or less) or a batch is full; they go out with the next `flush`. `code`
   * is what the last call answered; positive where there may be more.
   */
  batch(connection: number, receive: (into: Buffer) => number): { bytes: number; code: number } {
    if (this.#slab.length - this.#used < FRAME_HEAD_BYTES + BATCH_BYTES_MAX) {
      this.flush();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
      this.#written = 0;
    }
    const start = this.#used;
    const begin = start + FRAME_HEAD_BYTES;
    let at = begin;
    let code = 1;
    while (at - begin <= BATCH_BYTES_MAX - MESSAGE_BYTES_MAX) {
      code = receive(this.#slab.subarray(at, at + MESSAGE_BYTES_MAX));
      if (code <= 0) break;
      at += code;
    }
    if (at > begin) {
      writeFrameHead(this.#slab, start, MEDIA_FRAME, connection, at - begin);
      this.#used = at;
    }
    return { bytes: at - begin, code };
  }

  /** All batches since the last time, of all connections, in one write. */
  flush(): void {
    if (this.#used === this.#written) return;
    this.#pipe.write(this.#slab.subarray(this.#written, this.#used));
    this.#written = this.#used;
  }
}
