import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** Where things stand in an SRT packet (draft-sharabayko-srt §3 and §3.2.1). */
const DESTINATION_AT = 12;
const HANDSHAKE_SOCKET_AT = 40;
const HANDSHAKE_COOKIE_AT = 44;
const HANDSHAKE_BYTES = 64;
const CONTROL_HANDSHAKE = 0x8000;

/** One UDP socket that says what it likes to an SRT port, and hears the answers. */
export class SrtCaller {
  readonly #socket: Socket;
  readonly #port: number;
  #cookie = 0;
  #peer = 0;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on('message', (answer) => this.#heard(answer));
    socket.on('error', () => {});
  }

  static async open(port: number): Promise<SrtCaller> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new SrtCaller(socket, port);
  }

  /** The server has taken this caller for a connection. */
  get connected(): boolean {
    return this.#peer !== 0;
  }

  /** As it is. */
  send(packet: Buffer): void {
    if (packet.length > 0 && packet.length < 1500) this.#socket.send(packet, this.#port, '127.0.0.1');
  }

  /** With this caller's own number, and the cookie that the server gave. */
  sendHandshake(packet: Buffer): void {
    const copy = Buffer.from(packet);
    if (copy.length >= HANDSHAKE_BYTES) {
      copy.writeUInt32BE(this.#socket.address().port, HANDSHAKE_SOCKET_AT);
      copy.writeUInt32BE(this.#cookie, HANDSHAKE_COOKIE_AT);
    }
    this.send(copy);
  }

  /** To the socket that the server opened for this caller. */
  sendOn(packet: Buffer): void {
    const copy = Buffer.from(packet);
    if (copy.length >= DESTINATION_AT + 4) copy.writeUInt32BE(this.#peer, DESTINATION_AT);
    this.send(copy);
  }

  /** Speaks to the other caller's connection from now on. */
  takeFor(other: SrtCaller): void {
    this.#peer = other.#peer;
  }

  /** Waits for any answer, for so long. */
  async hear(waitMs: number): Promise<void> {
    await once(this.#socket, 'message', { signal: AbortSignal.timeout(waitMs) }).catch(() => {});
  }

  close(): void {
    this.#socket.close();
  }

  #heard(answer: Buffer): void {
    if (answer.length < HANDSHAKE_BYTES || answer.readUInt16BE(0) !== CONTROL_HANDSHAKE) return;
    const kind = answer.readInt32BE(36);
    if (kind === 1) this.#cookie = answer.readUInt32BE(HANDSHAKE_COOKIE_AT);
    if (kind === -1) this.#peer = answer.readUInt32BE(HANDSHAKE_SOCKET_AT);
  }
}

/** What a caller sends, by what it is. */
export interface RecordedCall {
  readonly induction: Buffer;
  readonly conclusion: Buffer;
  readonly data: readonly Buffer[];
}

export function sortCall(packets: readonly Buffer[]): RecordedCall {
  const isHandshake = (packet: Buffer, kind: number) =>
    packet.length >= HANDSHAKE_BYTES && packet.readUInt16BE(0) === CONTROL_HANDSHAKE && packet.readInt32BE(36) === kind;
  const induction = packets.find((packet) => isHandshake(packet, 1));
  const conclusion = packets.find((packet) => isHandshake(packet, -1));
  if (induction === undefined || conclusion === undefined) throw new Error('the recorded call has no handshake');
  return { induction, conclusion, data: packets.filter((packet) => ((packet[0] ?? 0) & 0x80) === 0) };
}
