/**
 * The pipe from the listener's process to ours: frames of a head (kind, connection, length) and a payload. Media goes
 * through as it comes, without copies; reports are JSON.
 */
export const FRAME_HEAD_BYTES = 9;
export const REPORT_FRAME = 0;
export const MEDIA_FRAME = 1;
/** One report, for example the statistics of ten thousand publishers. */
const REPORT_BYTES_MAX = 4 * 1024 * 1024;
const MEDIA_BYTES_MAX = 4 * 1024 * 1024;

export function writeFrameHead(into: Buffer, at: number, kind: number, connection: number, length: number): void {
  into.writeUInt8(kind, at);
  into.writeUInt32LE(connection, at + 1);
  into.writeUInt32LE(length, at + 5);
}

export interface FrameHandlers {
  /** A whole report. */
  readonly report: (json: string) => void;
  /** A piece of one connection's media: a frame may come in several, in order. Valid during the call alone. */
  readonly media: (connection: number, piece: Buffer) => void;
}

/**
 * Takes the frames out of the pipe's bytes.
 *
 * Lifetime: one pipe. Keeps a report that is not whole (at most 4 MiB), and nothing of media.
 */
export class FrameReader {
  readonly #handlers: FrameHandlers;
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES);
  #headLength = 0;
  #kind = 0;
  #connection = 0;
  /** Payload bytes still to come. */
  #left = 0;
  #report: Buffer[] = [];

  constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  /** False where the bytes are no frames: the other side is broken, and nothing after this makes sense. */
  push(bytes: Buffer): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const end = Math.min(bytes.length, at + this.#left);
        this.#payload(bytes.subarray(at, end));
        at = end;
        continue;
      }
      const taken = Math.min(bytes.length - at, FRAME_HEAD_BYTES - this.#headLength);
      bytes.copy(this.#head, this.#headLength, at, at + taken);
      this.#headLength += taken;
      at += taken;
      if (this.#headLength === FRAME_HEAD_BYTES && !this.#begin()) return false;
    }
    return true;
  }

  #begin(): boolean {
    this.#headLength = 0;
    this.#kind = this.#head.readUInt8(0);
    this.#connection = this.#head.readUInt32LE(1);
    this.#left = this.#head.readUInt32LE(5);
    if (this.#kind === MEDIA_FRAME) return this.#left <= MEDIA_BYTES_MAX;
    return this.#kind === REPORT_FRAME && this.#left <= REPORT_BYTES_MAX;
  }

  #payload(piece: Buffer): void {
    this.#left -= piece.length;
    if (this.#kind === MEDIA_FRAME) {
      this.#handlers.media(this.#connection, piece);
      return;
    }
    this.#report.push(Buffer.from(piece));
    if (this.#left > 0) return;
    const json = Buffer.concat(this.#report).toString();
    this.#report = [];
    this.#handlers.report(json);
  }
}
