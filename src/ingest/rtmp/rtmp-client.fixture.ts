import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What a test sends to the RTMP port: well-formed by default, and any bytes at all where it wants to be bad. */
export class RtmpClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
    });
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]).subarray(-65_536);
    });
  }

  static async open(port: number): Promise<RtmpClient> {
    const socket = connect(port, '127.0.0.1');
    const client = new RtmpClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Connected, handshaken, and an application connected. */
  static async connected(port: number, app = 'live'): Promise<RtmpClient> {
    const client = await RtmpClient.open(port);
    await client.handshake();
    client.command('connect', 1, { app, tcUrl: `rtmp://127.0.0.1/${app}` });
    return client;
  }

  /** Publishing: media may follow. */
  static async publishing(port: number, streamKey: string): Promise<RtmpClient> {
    const client = await RtmpClient.connected(port);
    client.command('createStream', 2, null);
    client.publish(streamKey);
    await client.hears('NetStream.Publish.Start');
    return client;
  }

  async handshake(): Promise<void> {
    const c1 = Buffer.alloc(1536, 7);
    this.socket.write(Buffer.concat([Buffer.from([3]), c1]));
    await this.#until(() => this.#received.length >= 1 + 1536 * 2, 'the handshake');
    this.#received = this.#received.subarray(1 + 1536 * 2);
    this.socket.write(Buffer.alloc(1536, 7));
  }

  publish(streamKey: string): void {
    this.message(20, amf('publish', 3, null, streamKey, 'live'), { streamId: 1 });
  }

  command(...values: unknown[]): void {
    this.message(20, amf(...values));
  }

  /** One message with a full header, in chunks of 128 bytes. */
  message(type: number, payload: Buffer, header: { clock?: number; streamId?: number; cid?: number } = {}): boolean {
    return this.socket.write(messageBytes(type, payload, header));
  }

  /** Whether the server has said this (a status code, a part of a description). */
  async hears(words: string): Promise<void> {
    await this.#until(() => this.#received.includes(words), words);
  }

  async isClosed(): Promise<void> {
    await this.#until(() => this.#closed, 'the close');
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const end = Date.now() + 60_000;
    while (!done()) {
      if (Date.now() > end || (this.#closed && what !== 'the close')) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

export function messageBytes(
  type: number,
  payload: Buffer,
  { clock = 0, streamId = 0, cid = 3 }: { clock?: number; streamId?: number; cid?: number } = {},
): Buffer {
  const extended = clock >= 0xffffff;
  const head = Buffer.alloc(extended ? 16 : 12);
  head[0] = cid;
  head.writeUIntBE(extended ? 0xffffff : clock, 1, 3);
  head.writeUIntBE(payload.length, 4, 3);
  head[7] = type;
  head.writeUInt32LE(streamId, 8);
  if (extended) head.writeUInt32BE(clock, 12);
  const pieces: Buffer[] = [head];
  for (let at = 0; at < payload.length; at += 128) {
    if (at > 0) pieces.push(Buffer.from([0xc0 | cid]), extended ? head.subarray(12) : Buffer.alloc(0));
    pieces.push(payload.subarray(at, at + 128));
  }
  return Buffer.concat(pieces);
}

/** AMF0 for the values that a client sends: numbers, texts, null, flat objects. */
export function amf(...values: unknown[]): Buffer {
  return Buffer.concat(values.map(amfValue));
}

function amfValue(value: unknown): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === 'string') return Buffer.concat([Buffer.from([2]), amfName(value)]);
  if (typeof value !== 'object' || value === null) return Buffer.from([5]);
  const properties = Object.entries(value).flatMap(([name, inner]) => [amfName(name), amfValue(inner)]);
  return Buffer.concat([Buffer.from([3]), ...properties, Buffer.from([0, 0, 9])]);
}

function amfName(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
