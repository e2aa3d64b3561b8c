import { ChunkReader } from './chunk-reader.js';
import { writeChunks } from './chunk-writer.js';
import { Handshake } from './handshake.js';
import type { RtmpLimits } from './rtmp-limits.js';
import { fault, MESSAGE_TYPE, type RtmpFault, type RtmpMessage } from './rtmp-message.js';

const CONTROL_CHUNK_STREAM = 2;
/** Until a larger chunk size is announced (RTMP 1.0 §5.4.1). */
const FIRST_CHUNK_SIZE = 128;
/** A window that the client asks for below this would have us answer nearly every read. */
const ACK_WINDOW_MIN = 65_536;
const ACK_WINDOW_DEFAULT = 2_500_000;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;

/**
 * The protocol of one connection below its commands: handshake, chunks, acknowledgements, pings.
 *
 * Lifetime: one connection. `push` one read, then `next` until it is null or a fault; a message that makes its reader wait may be
 * followed by the others later. Nothing throws for foreign bytes.
 */
export class RtmpSession {
  readonly #output: (bytes: Buffer) => void;
  readonly #reader: ChunkReader;
  #handshake: Handshake | null = new Handshake();
  #refused: RtmpFault | null = null;
  #received = 0;
  #acknowledged = 0;
  #ackWindow = ACK_WINDOW_DEFAULT;
  #chunkSize = FIRST_CHUNK_SIZE;

  constructor(limits: RtmpLimits, output: (bytes: Buffer) => void) {
    this.#output = output;
    this.#reader = new ChunkReader(limits);
  }

  get handshaken(): boolean {
    return this.#handshake === null;
  }

  /** Only a publisher may send messages of media size. */
  set mediaAllowed(allowed: boolean) {
    this.#reader.mediaAllowed = allowed;
  }

  push(bytes: Buffer): void {
    this.#received += bytes.length;
    if (this.#handshake === null) {
      this.#reader.push(bytes);
      this.#acknowledge();
    } else this.#shakeHands(this.#handshake, bytes);
  }

  /** Null: all that was read is worked off. */
  next(): RtmpMessage | RtmpFault | null {
    if (this.#handshake !== null) return this.#refused;
    for (;;) {
      const message = this.#reader.next();
      if (message === null || message.kind === 'fault') return message;
      if (message.kind === 'control') this.#control(message);
      else if (message.payload.length > 0) return isAmf3(message.type) ? withoutFormat(message) : message;
    }
  }

  /** A message on the control stream. */
  sendControl(type: number, payload: Buffer): void {
    this.send(CONTROL_CHUNK_STREAM, type, 0, payload);
  }

  send(chunkStreamId: number, type: number, streamId: number, payload: Buffer): void {
    this.#output(writeChunks({ chunkStreamId, type, streamId, payload }, this.#chunkSize));
  }

  announceChunkSize(bytes: number): void {
    this.sendControl(MESSAGE_TYPE.setChunkSize, word(bytes));
    this.#chunkSize = bytes;
  }

  #shakeHands(handshake: Handshake, bytes: Buffer): void {
    const step = handshake.take(bytes);
    if (step.kind === 'not-rtmp') {
      this.#refused = fault('handshake', 'this is no RTMP');
      return;
    }
    if (step.answer !== null) this.#output(step.answer);
    if (step.kind === 'more') return;
    this.#handshake = null;
    this.#reader.push(step.rest);
  }

  #control({ type, payload }: RtmpMessage): void {
    if (type === MESSAGE_TYPE.userControl && payload.length >= 6 && payload.readUInt16BE() === PING_REQUEST) {
      this.sendControl(
        MESSAGE_TYPE.userControl,
        Buffer.concat([Buffer.from([0, PING_RESPONSE]), payload.subarray(2, 6)]),
      );
    } else if (type === MESSAGE_TYPE.windowAckSize && payload.length >= 4) {
      this.#ackWindow = Math.max(ACK_WINDOW_MIN, payload.readUInt32BE());
    }
  }

  /** Counts from the first byte, in 32 bits (§5.4.3). */
  #acknowledge(): void {
    if (this.#received - this.#acknowledged < this.#ackWindow) return;
    this.#acknowledged = this.#received;
    this.sendControl(MESSAGE_TYPE.acknowledgement, word(this.#received % 2 ** 32));
  }
}

function isAmf3(type: number): boolean {
  return type === MESSAGE_TYPE.amf3Data || type === MESSAGE_TYPE.amf3Command;
}

/** AMF3 messages from publishers are AMF0 behind one byte that says so. */
function withoutFormat(message: RtmpMessage): RtmpMessage {
  return { ...message, payload: message.payload.subarray(1) };
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
