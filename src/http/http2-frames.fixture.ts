/** Writes HTTP/2 frames by hand (RFC 9113 §4.1), for what a well-behaved client never sends. */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { waitFor } from './raw-client.fixture.js';

export const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, continuation: 9 } as const;

/** A GET of `/` at `test.example` in HPACK (RFC 7541): four indexed or literal lines. */
export const getHeaders = Buffer.concat([Buffer.from([0x82, 0x87, 0x84, 0x41, 12]), Buffer.from('test.example')]);

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A TLS connection that agreed on h2 and sends whatever it is told. */
export class FrameClient {
  readonly socket: TLSSocket;
  #received = Buffer.alloc(0);
  #closed = false;

  constructor(port: number, options: ConnectionOptions = {}) {
    const ALPNProtocols = ['h2'];
    this.socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols, ...options });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.#closed = true;
    });
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]).subarray(-1_000_000);
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get bytesReceived(): number {
    return this.#received.length;
  }

  send(...frames: Buffer[]): this {
    this.socket.write(Buffer.concat(frames));
    return this;
  }

  /** The preface and an empty SETTINGS. */
  greet(): this {
    return this.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(frameType.settings, 0, 0));
  }

  closedWithin(limitMs: number): Promise<void> {
    return waitFor(() => this.#closed, limitMs);
  }

  destroy(): void {
    this.socket.destroy();
  }
}
