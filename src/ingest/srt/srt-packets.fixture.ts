import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** SRT's packets by hand (draft-sharabayko-srt §3), sound or not. */

interface HandshakeFields {
  readonly version: number;
  readonly extensions: number;
  readonly type: number;
  readonly cookie: number;
  readonly sequence: number;
  readonly packetSize: number;
  readonly window: number;
  readonly caller: number;
}

export function handshake(fields: Partial<HandshakeFields>, blocks: readonly Buffer[] = []): Buffer {
  const all = {
    version: 4,
    extensions: 2,
    type: 1,
    cookie: 0,
    sequence: 1,
    packetSize: 1500,
    window: 8192,
    caller: 77,
    ...fields,
  };
  const bytes = Buffer.alloc(64);
  bytes.writeUInt16BE(0x8000);
  bytes.writeUInt32BE(all.version, 16);
  bytes.writeUInt16BE(all.extensions, 22);
  bytes.writeUInt32BE(all.sequence >>> 0, 24);
  bytes.writeUInt32BE(all.packetSize >>> 0, 28);
  bytes.writeUInt32BE(all.window >>> 0, 32);
  bytes.writeInt32BE(all.type, 36);
  bytes.writeUInt32BE(all.caller >>> 0, 40);
  bytes.writeUInt32BE(all.cookie, 44);
  return Buffer.concat([bytes, ...blocks]);
}

export function extension(kind: number, content: Buffer, words = Math.ceil(content.length / 4)): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(kind);
  head.writeUInt16BE(words, 2);
  return Buffer.concat([head, content]);
}

/** Version, flags and delays of the sender. */
export const agreement = (flags = 0xbf) => {
  const content = Buffer.from('000105010000000000780078', 'hex');
  content.writeUInt32BE(flags, 4);
  return extension(1, content);
};

/** A stream id, each of its words backwards. */
export function named(streamId: string): Buffer {
  return extension(5, Buffer.from(streamId.padEnd(Math.ceil(streamId.length / 4) * 4, '\0')).swap32());
}

export function conclusion(fields: Partial<HandshakeFields>, blocks: readonly Buffer[]): Buffer {
  return handshake({ version: 5, extensions: 5, type: -1, ...fields }, blocks);
}

/** `second`: what stands behind the type, for example the number of an acknowledgement. */
export function control(
  type: number,
  destination: number,
  payload: Buffer = Buffer.alloc(4),
  { subtype = 0, second = 0 } = {},
): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16BE(0x8000 | type);
  head.writeUInt16BE(subtype, 2);
  head.writeUInt32BE(second >>> 0, 4);
  head.writeUInt32BE(destination >>> 0, 12);
  return Buffer.concat([head, payload]);
}

/** The message's flags as in a packet that is a whole message, in order. */
const WHOLE = 0xe0000000;

export function data(sequence: number, destination: number, payload: Buffer, flags = WHOLE + 1): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(sequence >>> 0);
  head.writeUInt32BE(flags >>> 0, 4);
  head.writeUInt32BE(destination >>> 0, 12);
  return Buffer.concat([head, payload]);
}

/** Between two tries to call, as libsrt's callers have it, ms; and how many. */
const CALL_AGAIN_MS = 250;
const CALLS_MAX = 20;

/** A caller by hand: it gets a cookie, and a connection where it is let in. */
export class HandCaller {
  readonly socket: Socket;
  readonly #port: number;
  cookie = 0;

  private constructor(socket: Socket, port: number) {
    this.socket = socket;
    this.#port = port;
  }

  static async open(port: number): Promise<HandCaller> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const caller = new HandCaller(socket, port);
    const induction = handshake({ caller: caller.number });
    let answer: Buffer | null = null;
    // As libsrt's callers do: the packet that has libsrt take its port may be lost there.
    for (let calls = 0; answer === null && calls < CALLS_MAX; calls++)
      answer = await caller.ask(induction, CALL_AGAIN_MS);
    caller.cookie = answer?.readUInt32BE(44) ?? 0;
    return caller;
  }

  /** Of its socket, as it tells the other side. */
  get number(): number {
    return (this.socket.address() as AddressInfo).port;
  }

  /** Its connection's number at the other side; or minus what it is refused with; null: no answer. */
  async call(blocks: readonly Buffer[], fields: Partial<HandshakeFields> = {}, waitMs = 5000): Promise<number | null> {
    const { cookie, number: caller } = this;
    const answer = await this.ask(conclusion({ cookie, caller, ...fields }, blocks), waitMs);
    if (answer === null) return null;
    const type = answer.readInt32BE(36);
    return type === -1 ? answer.readUInt32BE(40) : -type;
  }

  send(packet: Buffer): void {
    this.socket.send(packet, this.#port, '127.0.0.1');
  }

  async ask(packet: Buffer, waitMs = 5000): Promise<Buffer | null> {
    const signal = AbortSignal.timeout(waitMs);
    const answered = once(this.socket, 'message', { signal }).then(([bytes]) => bytes as Buffer);
    this.send(packet);
    return await answered.catch(() => null);
  }

  close(): void {
    this.socket.close();
  }
}
