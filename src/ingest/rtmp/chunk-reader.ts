import type { RtmpLimits } from './rtmp-limits.js';
import { fault, kindOf, MESSAGE_TYPE, type RtmpFault, type RtmpFaultReason, type RtmpMessage } from './rtmp-message.js';

/** What has come of one chunk stream (RTMP 1.0 §5.3.1). */
interface ChunkStream {
  /** The last timestamp or delta, for chunks that repeat it. */
  step: number;
  /** The last header had an extended timestamp, so a chunk without a header has one too (§5.3.1.3). */
  extended: boolean;
  clock: number;
  length: number;
  type: number;
  streamId: number;
  /** The message under way, where it did not come in one piece. */
  partial: Buffer | null;
  filled: number;
}

const NOTHING: Buffer = Buffer.alloc(0);
/** Bytes of a message header by format (§5.3.1.2). */
const HEADER_BYTES = [11, 7, 3, 0];
const EXTENDED = 0xffffff;
const FIRST_CHUNK_SIZE = 128;
/** No message is longer, so larger chunks are the same (§5.4.1). */
const CHUNK_SIZE_MAX = 0xffffff;
const CHUNK_SIZE_FIELD_MAX = 0x7fffffff;
/** So many unfinished commands are all that a client may have us hold before it publishes. */
const STRANGER_MESSAGES = 4;

/**
 * Puts messages together from chunks (RTMP 1.0 §5.3), within bounds: length of a message, bytes in unfinished ones, chunk
 * streams. A message that lies in one piece in what was read is a view on it; others get memory of their own. So the bytes given to
 * `push` must never be written again.
 *
 * Lifetime: one connection, from the end of its handshake. `push` one read, then `next` until it is null; nothing throws for
 * foreign bytes. After a fault the reader must not be used again.
 */
export class ChunkReader {
  readonly #limits: RtmpLimits;
  readonly #streams = new Map<number, ChunkStream>();
  #input = NOTHING;
  #at = 0;
  /** The chunk whose payload comes next, and what is missing of it. */
  #current: ChunkStream | null = null;
  #chunkLeft = 0;
  #chunkSize = FIRST_CHUNK_SIZE;
  #held = 0;
  #fault: RtmpFault | null = null;
  /** Only a publisher may send messages of media size. */
  mediaAllowed = false;

  constructor(limits: RtmpLimits) {
    this.#limits = limits;
  }

  /** Bytes of unfinished messages. */
  get heldBytes(): number {
    return this.#held;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** A header that was cut in two waits for its second half: fewer than 18 bytes. */
  push(bytes: Buffer): void {
    const rest = this.#input.length - this.#at;
    this.#input = rest === 0 ? bytes : Buffer.concat([this.#input.subarray(this.#at), bytes]);
    this.#at = 0;
  }

  /** The next message that is whole. Null: the read is used up. */
  next(): RtmpMessage | RtmpFault | null {
    for (;;) {
      if (this.#current === null) this.#beginChunk();
      const stream = this.#current;
      if (stream === null) return this.#fault;
      const payload = this.#takePayload(stream);
      if (payload !== null) {
        this.#chunkControl(stream.type, payload);
        if (this.#fault !== null) return this.#fault;
        const { type, streamId, clock } = stream;
        return { kind: kindOf(type), type, streamId, clock, payload };
      }
      if (this.#current !== null) return this.#fault;
    }
  }

  #fail(reason: RtmpFaultReason, message: string): void {
    this.#fault = fault(reason, message);
  }

  /** Leaves `#current` null where the header is not whole yet, or is refused. */
  #beginChunk(): void {
    const input = this.#input;
    const start = this.#at;
    if (start >= input.length || this.#fault !== null) return;
    const first = input.readUInt8(start);
    const basicEnd = start + ((first & 0x3f) > 1 ? 1 : (first & 0x3f) + 2);
    const format = first >> 6;
    const headerEnd = basicEnd + (HEADER_BYTES[format] ?? 0);
    if (headerEnd > input.length) return;
    const id = chunkStreamId(input, start);
    const known = this.#streams.get(id);
    const extended = format === 3 ? known?.extended === true : input.readUIntBE(basicEnd, 3) === EXTENDED;
    const end = extended ? headerEnd + 4 : headerEnd;
    if (end > input.length) return;
    this.#at = end;
    const stream = known ?? this.#open(id);
    if (stream === null) return;
    if (format < 3) this.#readHeader(stream, format, basicEnd, extended);
    if (this.#fault === null) this.#beginPayload(stream, format);
  }

  #readHeader(stream: ChunkStream, format: number, at: number, extended: boolean): void {
    const input = this.#input;
    if (format < 2) {
      const length = input.readUIntBE(at + 3, 3);
      const type = input.readUInt8(at + 6);
      if (stream.partial !== null && (length !== stream.length || type !== stream.type)) {
        this.#fail('malformed', 'a message changed before it was complete');
        return;
      }
      stream.length = length;
      stream.type = type;
    }
    if (format === 0) stream.streamId = input.readUInt32LE(at + 7);
    stream.step = extended ? input.readUInt32BE(this.#at - 4) : input.readUIntBE(at, 3);
    stream.extended = extended;
  }

  #beginPayload(stream: ChunkStream, format: number): void {
    if (stream.partial === null) {
      const { type, length } = stream;
      const media = this.mediaAllowed && (type === MESSAGE_TYPE.audio || type === MESSAGE_TYPE.video);
      const max = media ? this.#limits.messageBytesMax : this.#limits.commandBytesMax;
      if (length > max) {
        this.#fail('message-too-long', `a message of ${length} bytes`);
        return;
      }
      stream.clock = (format === 0 ? stream.step : stream.clock + stream.step) >>> 0;
    }
    this.#current = stream;
    this.#chunkLeft = Math.min(this.#chunkSize, stream.length - stream.filled);
  }

  #open(id: number): ChunkStream | null {
    if (this.#streams.size >= this.#limits.chunkStreamsMax) {
      this.#fail('chunk-streams', `more than ${this.#limits.chunkStreamsMax} chunk streams`);
      return null;
    }
    const none = { step: 0, extended: false, clock: 0, length: 0, type: 0, streamId: 0, filled: 0 };
    const stream: ChunkStream = { ...none, partial: null };
    this.#streams.set(id, stream);
    return stream;
  }

  /**
   * The payload of a message that is whole with this chunk. Null leaves `#current` null where the chunk ended and its message
   * did not, and keeps it where more has to come.
   */
  #takePayload(stream: ChunkStream): Buffer | null {
    const available = this.#input.length - this.#at;
    if (stream.partial !== null) return this.#fill(stream, stream.partial, available);
    if (this.#chunkLeft === stream.length && available >= stream.length) {
      this.#current = null;
      const start = this.#at;
      this.#at += stream.length;
      return this.#input.subarray(start, this.#at);
    }
    if (available === 0) return null;
    const partial = this.#hold(stream.length);
    stream.partial = partial;
    return partial === null ? null : this.#fill(stream, partial, available);
  }

  #hold(length: number): Buffer | null {
    const { partialBytesMax, commandBytesMax } = this.#limits;
    const max = this.mediaAllowed ? partialBytesMax : STRANGER_MESSAGES * commandBytesMax;
    if (this.#held + length > max) {
      this.#fail('too-much-held', `more than ${max} bytes in unfinished messages`);
      return null;
    }
    this.#held += length;
    return Buffer.allocUnsafe(length);
  }

  #fill(stream: ChunkStream, partial: Buffer, available: number): Buffer | null {
    const bytes = Math.min(available, this.#chunkLeft);
    this.#input.copy(partial, stream.filled, this.#at, this.#at + bytes);
    this.#at += bytes;
    stream.filled += bytes;
    this.#chunkLeft -= bytes;
    if (this.#chunkLeft > 0) return null;
    this.#current = null;
    if (stream.filled < stream.length) return null;
    this.#release(stream);
    return partial;
  }

  #release(stream: ChunkStream): void {
    if (stream.partial === null) return;
    this.#held -= stream.length;
    stream.partial = null;
    stream.filled = 0;
  }

  /** The two control messages that are about the chunks themselves (§5.4.1, §5.4.2). */
  #chunkControl(type: number, payload: Buffer): void {
    if (type !== MESSAGE_TYPE.setChunkSize && type !== MESSAGE_TYPE.abort) return;
    const value = payload.length < 4 ? null : payload.readUInt32BE();
    if (value === null) this.#fail('malformed', 'a control message is too short');
    else if (type === MESSAGE_TYPE.abort) this.#abort(value);
    else if (value < 1 || value > CHUNK_SIZE_FIELD_MAX) this.#fail('chunk-size', `a chunk size of ${value}`);
    else this.#chunkSize = Math.min(value, CHUNK_SIZE_MAX);
  }

  #abort(id: number): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#release(stream);
  }
}

/** §5.3.1.1: ids from 64 take one byte more, or two (low byte first). */
function chunkStreamId(input: Buffer, at: number): number {
  const short = input.readUInt8(at) & 0x3f;
  if (short > 1) return short;
  return short === 0 ? 64 + input.readUInt8(at + 1) : 64 + input.readUInt16LE(at + 1);
}
