import { readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { ListenerCommand } from './listener-messages.js';

const PIECE_BYTES = 64 * 1024;
/** One command; the longest bring a thousand keys. */
const LINE_CHARACTERS_MAX = 1024 * 1024;

/**
 * The commands of our process, as they come on stdin: JSON, one a line.
 *
 * Lifetime: the process's. Keeps a line that is not whole. A thrown error means that our process says nonsense, or more than it
 * may: nothing after that makes sense.
 */
export class CommandLines {
  readonly #take: (command: ListenerCommand) => void;
  readonly #decoder = new StringDecoder('utf8');
  readonly #piece = Buffer.alloc(PIECE_BYTES);
  #rest = '';

  constructor(take: (command: ListenerCommand) => void) {
    this.#take = take;
  }

  push(bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LINE_CHARACTERS_MAX) throw new Error('a command is too long');
    for (const line of lines) this.#take(JSON.parse(line) as ListenerCommand);
  }

  /**
   * Takes what has been written so far without waiting for the event loop, which may be about to tell of something that came
   * later. The descriptor must not block, and whoever else reads it must hand on what it has got at once.
   */
  catchUp(descriptor: number): void {
    for (let length = PIECE_BYTES; length === PIECE_BYTES; ) {
      length = readIfAny(descriptor, this.#piece);
      this.push(this.#piece.subarray(0, length));
    }
  }
}

/** 0 where there is nothing now. Its end, or a failure, is for the event loop to find. */
function readIfAny(descriptor: number, into: Buffer): number {
  try {
    return readSync(descriptor, into);
  } catch {
    return 0;
  }
}
