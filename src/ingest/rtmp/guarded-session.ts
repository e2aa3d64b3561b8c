import logger from 'node-media-server/src/core/logger.js';
import Rtmp from 'node-media-server/src/protocol/rtmp.js';
import type { RtmpLimits } from './rtmp-limits.js';

// The library's logger prints foreign text to stdout, which belongs to what a command answers.
logger.log = () => {};

/** One complete RTMP message, in the order of arrival. `payload` is the message's own memory and is never written again. */
export interface RtmpMessage {
  readonly kind: 'command' | 'data' | 'audio' | 'video';
  readonly streamId: number;
  /** Milliseconds, 32 bits. */
  readonly clock: number;
  readonly payload: Buffer;
}

type RtmpFaultReason =
  | 'handshake'
  | 'message-too-long'
  | 'too-much-held'
  | 'chunk-streams'
  | 'chunk-size'
  | 'malformed';

export interface RtmpFault {
  readonly reason: RtmpFaultReason;
  readonly message: string;
}

const EMPTY = Buffer.alloc(0);
const PROTOCOL_VERSION = 3;
/** C0, C1 and C2. */
const HANDSHAKE_BYTES = 1 + 1536 + 1536;
/** A window that the client asks for below this would have us answer nearly every read. */
const ACK_WINDOW_MIN = 65_536;
const ACK_WINDOW_DEFAULT = 2_500_000;
const CHUNK_SIZE_MAX = 0xffffff;
/** So many unfinished commands are all that a client may have us hold before it publishes. */
const STRANGER_MESSAGES = 4;
const MESSAGE_KINDS: Partial<Record<number, RtmpMessage['kind']>> = {
  8: 'audio',
  9: 'video',
  15: 'data',
  17: 'command',
  18: 'data',
  20: 'command',
};
const SET_CHUNK_SIZE = 1;
const ABORT = 2;
const USER_CONTROL = 4;
const WINDOW_ACK_SIZE = 5;
const AMF3_TYPES = new Set([15, 17]);
const PING_REQUEST = 6;
const PING_RESPONSE = 7;

/**
 * node-media-server's RTMP parser with bounds: handshake, chunks and the writing of answers are the library's; what a message
 * may cost, and what is done with it, is decided here. Its own command handling (which trusts what it reads, and starts a
 * publisher before anyone was asked) is never reached.
 *
 * Lifetime: one connection. `parse` never throws for foreign bytes; after a fault the session must not be used again.
 */
export class GuardedSession extends Rtmp {
  readonly #limits: RtmpLimits;
  #messages: RtmpMessage[] = [];
  #held = 0;
  #received = 0;
  #acknowledged = 0;
  #ackWindow = ACK_WINDOW_DEFAULT;
  /** Only a publisher may send messages of media size. */
  mediaAllowed = false;

  constructor(limits: RtmpLimits, output: (bytes: Buffer) => void) {
    super();
    this.#limits = limits;
    this.flv = null;
    this.objectEncoding = 0;
    this.onOutputCallback = output;
  }

  /** The messages that these bytes completed; with a fault, those before it. */
  parse(bytes: Buffer): { readonly messages: readonly RtmpMessage[]; readonly fault: RtmpFault | null } {
    const fault = this.#parseGuarded(bytes);
    const messages = this.#messages;
    this.#messages = [];
    return { messages, fault };
  }

  #parseGuarded(bytes: Buffer): RtmpFault | null {
    if (this.#received === 0 && bytes[0] !== PROTOCOL_VERSION) {
      return { reason: 'handshake', message: 'this is no RTMP' };
    }
    this.#received += bytes.length;
    try {
      this.parserData(bytes);
      this.#acknowledge();
      return null;
    } catch (error) {
      if (error instanceof ProtocolError) return { reason: error.reason, message: error.message };
      return { reason: 'malformed', message: error instanceof Error ? error.message : 'unknown' };
    }
  }

  /** Replaces the library's, which computes the ids of the three-byte form wrongly and lets a message change midway. */
  override packetParse(): void {
    const fmt = (this.parserBuffer[0] ?? 0) >> 6;
    const cid = this.#chunkStreamId();
    const packet = this.inPackets.get(cid) ?? this.#newPacket(cid);
    const { length, type } = packet.header;
    this.parserPacket = packet;
    packet.header.fmt = fmt;
    this.chunkMessageHeaderRead();
    if (packet.bytes > 0 && (packet.header.length !== length || packet.header.type !== type)) {
      throw new ProtocolError('malformed', 'a message changed before it was complete');
    }
  }

  /** Adobe RTMP 1.0 §5.3.1.1: ids from 64 in one byte more, or two (low byte first). */
  #chunkStreamId(): number {
    const [first = 0, second = 0, third = 0] = this.parserBuffer;
    if (this.parserBasicBytes === 3) return 64 + second + third * 256;
    return this.parserBasicBytes === 2 ? 64 + second : first & 0x3f;
  }

  #newPacket(cid: number): Rtmp.Packet {
    if (this.inPackets.size >= this.#limits.chunkStreamsMax) {
      throw new ProtocolError('chunk-streams', `more than ${this.#limits.chunkStreamsMax} chunk streams`);
    }
    const header = { fmt: 0, cid, timestamp: 0, length: 0, type: 0, stream_id: 0 };
    const packet = { header, clock: 0, payload: EMPTY, capacity: 0, bytes: 0 };
    this.inPackets.set(cid, packet);
    return packet;
  }

  /** Called when a message begins. Each message gets memory of its own, so that its frame needs no copy. */
  override packetAlloc(): void {
    const packet = this.parserPacket;
    const { length, type } = packet.header;
    const media = this.mediaAllowed && (type === 8 || type === 9);
    const max = media ? this.#limits.messageBytesMax : this.#limits.commandBytesMax;
    if (length > max) throw new ProtocolError('message-too-long', `a message of ${length} bytes`);
    const heldMax = this.mediaAllowed ? this.#limits.partialBytesMax : STRANGER_MESSAGES * this.#limits.commandBytesMax;
    if (this.#held + length > heldMax) {
      throw new ProtocolError('too-much-held', `more than ${heldMax} bytes in unfinished messages`);
    }
    this.#held += length;
    packet.payload = length === 0 ? EMPTY : Buffer.allocUnsafe(length);
    packet.capacity = length;
    // The library adds up deltas without end; the clock has 32 bits.
    packet.clock %= 2 ** 32;
  }

  override packetHandler(): void {
    const packet = this.parserPacket;
    const { type, stream_id: streamId } = packet.header;
    const payload = packet.payload;
    this.#release(packet);
    const kind = MESSAGE_KINDS[type];
    if (kind === undefined) {
      this.#control(type, payload);
      return;
    }
    const body = AMF3_TYPES.has(type) ? payload.subarray(1) : payload;
    if (body.length > 0) this.#messages.push({ kind, streamId, clock: packet.clock, payload: body });
  }

  #release(packet: Rtmp.Packet): void {
    this.#held -= packet.capacity;
    packet.payload = EMPTY;
    packet.capacity = 0;
    packet.bytes = 0;
  }

  #control(type: number, payload: Buffer): void {
    switch (type) {
      case SET_CHUNK_SIZE:
        this.#changeChunkSize(word(payload));
        break;
      case ABORT: {
        const aborted = this.inPackets.get(word(payload));
        if (aborted !== undefined) this.#release(aborted);
        break;
      }
      case USER_CONTROL:
        if (payload.length >= 6 && payload.readUInt16BE() === PING_REQUEST) {
          this.sendStreamStatus(PING_RESPONSE, payload.readUInt32BE(2));
        }
        break;
      case WINDOW_ACK_SIZE:
        this.#ackWindow = Math.max(ACK_WINDOW_MIN, word(payload));
    }
  }

  /** A change within a message would leave nobody knowing where its next chunk begins. */
  #changeChunkSize(size: number): void {
    if (size < 1 || size > 0x7fffffff) throw new ProtocolError('chunk-size', `a chunk size of ${size}`);
    if (this.#held > 0) throw new ProtocolError('chunk-size', 'the chunk size changed within a message');
    this.inChunkSize = Math.min(size, CHUNK_SIZE_MAX);
  }

  #acknowledge(): void {
    if (this.#received < HANDSHAKE_BYTES || this.#received - this.#acknowledged < this.#ackWindow) return;
    this.#acknowledged = this.#received;
    this.sendACK(this.#received % 2 ** 32);
  }
}

function word(payload: Buffer): number {
  if (payload.length < 4) throw new ProtocolError('malformed', 'a control message is too short');
  return payload.readUInt32BE();
}

class ProtocolError extends Error {
  readonly reason: RtmpFaultReason;

  constructor(reason: RtmpFaultReason, message: string) {
    super(message);
    this.name = 'ProtocolError';
    this.reason = reason;
  }
}
