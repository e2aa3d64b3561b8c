/** A client that sends exactly the bytes it is told and shows exactly the bytes that came: for what a polite client hides. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ContractClient, RawResponse } from './contract-client.fixture.js';

/** A connection to a TLS server whose certificate is a test's own. */
export function tlsSocket(port: number): Socket {
  return connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
}

export class RawClient implements ContractClient {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #closed = false;
  readonly closed: Promise<void>;

  constructor(port: number, open: (port: number) => Socket = (at) => connect(at, '127.0.0.1')) {
    this.socket = open(port);
    this.socket.on('data', (chunk) => this.#chunks.push(chunk));
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.#closed = true;
        resolve();
      }),
    );
  }

  get bytesSent(): number {
    return this.socket.bytesWritten;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  write(bytes: Buffer, onDrain: () => void): boolean {
    const roomLeft = this.socket.write(bytes);
    if (!roomLeft) this.socket.once('drain', onDrain);
    return roomLeft;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Everything that came and was not taken as a response. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  send(bytes: string | Buffer): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** Takes the next whole response. Throws when the connection closes or `limitMs` pass before. */
  async response(method = 'GET', limitMs = 60_000): Promise<RawResponse> {
    let parsed: Parsed | undefined;
    await waitFor(() => {
      parsed = parseResponse(this.received, method);
      return parsed !== undefined || this.#closed;
    }, limitMs);
    if (!parsed)
      throw new Error(`closed before a whole response: ${JSON.stringify(this.received.toString('latin1', 0, 300))}`);
    const rest = this.received.subarray(parsed.bytes);
    this.#chunks.length = 0;
    if (rest.length > 0) this.#chunks.push(rest);
    return parsed.response;
  }

  async closedWithin(limitMs: number): Promise<void> {
    await waitFor(() => this.#closed, limitMs);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Polls until the condition holds; throws after `limitMs`. */
export async function waitFor(condition: () => boolean, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The values of a header, line by line. */
export function valuesOf(response: RawResponse, name: string): string[] {
  return response.headers.filter(([key]) => key === name).map(([, value]) => value);
}

interface Parsed {
  response: RawResponse;
  bytes: number;
}

function parseResponse(bytes: Buffer, method: string): Parsed | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const match = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine);
  if (!match) throw new Error(`not a status line: ${statusLine}`);
  const status = Number(match[1]);
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const framed = parseBody(bytes.subarray(headEnd + 4), status, headers, method);
  return framed && { response: { status, headers, body: framed.body }, bytes: headEnd + 4 + framed.bytes };
}

function parseBody(
  rest: Buffer,
  status: number,
  headers: [string, string][],
  method: string,
): { body: Buffer; bytes: number } | undefined {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { body: Buffer.alloc(0), bytes: 0 };
  const length = headers.find(([name]) => name === 'content-length');
  if (!length) return parseChunked(rest);
  const bytes = Number(length[1]);
  return rest.length < bytes ? undefined : { body: rest.subarray(0, bytes), bytes };
}

function parseChunked(rest: Buffer): { body: Buffer; bytes: number } | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const text = rest.toString('latin1', at, lineEnd);
    if (!/^[0-9a-fA-F]+$/.test(text)) throw new Error(`not a chunk size: ${JSON.stringify(text.slice(0, 100))}`);
    const size = Number.parseInt(text, 16);
    const end = lineEnd + 2 + size;
    if (rest.length < end + 2) return undefined;
    parts.push(rest.subarray(lineEnd + 2, end));
    at = end + 2;
    if (size === 0) return { body: Buffer.concat(parts), bytes: at };
  }
}
