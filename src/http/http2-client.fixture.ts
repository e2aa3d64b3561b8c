/** Speaks HTTP/2 for tests that are written in HTTP/1.1: each request becomes a stream, each answer is shown as one. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { ContractClient, RawResponse } from './contract-client.fixture.js';
import { waitFor } from './raw-client.fixture.js';

interface Asked {
  readonly stream: ClientHttp2Stream;
  /** Body bytes still to come, or that the body is in chunks. */
  left: number | 'chunked';
  head: { status: number; headers: [string, string][] } | undefined;
  readonly body: Buffer[];
  /** Heads of interim answers, not taken yet. */
  readonly interim: { status: number; headers: [string, string][] }[];
  whole: boolean;
  cut: boolean;
}

export class Http2Client implements ContractClient {
  readonly session: ClientHttp2Session;
  readonly closed: Promise<void>;
  readonly bytesSent = 0;
  readonly #asked: Asked[] = [];
  #input: Buffer = Buffer.alloc(0);
  #sending: Asked | undefined;
  #paused = false;
  #sessionClosed = false;

  constructor(port: number) {
    this.session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    this.session.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.session.once('close', () => {
        this.#sessionClosed = true;
        resolve();
      }),
    );
  }

  get isClosed(): boolean {
    return this.#sessionClosed || this.#asked[0]?.cut === true;
  }

  get received(): Buffer {
    const parts = this.#asked.flatMap(({ head, body }) =>
      head ? [Buffer.from(`HTTP/2 ${head.status}\n`), ...body] : [],
    );
    return Buffer.concat(parts);
  }

  send(bytes: string | Buffer): this {
    this.#input = Buffer.concat([this.#input, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes]);
    while (this.#sending ? this.#takeBody(this.#sending) : this.#takeHead());
    return this;
  }

  write(bytes: Buffer, onDrain: () => void): boolean {
    const stream = this.#sending?.stream;
    if (!stream || this.#sending?.left === 'chunked') throw new Error('there is no sized request body to write to');
    const roomLeft = stream.write(bytes);
    this.#count(bytes.length);
    if (!roomLeft) stream.once('drain', onDrain);
    return roomLeft;
  }

  pause(): void {
    this.#paused = true;
    for (const { stream } of this.#asked) stream.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const { stream } of this.#asked) stream.resume();
  }

  async response(_method = 'GET', limitMs = 60_000): Promise<RawResponse> {
    await waitFor(() => this.#asked[0]?.whole === true || this.isClosed, limitMs);
    const [first] = this.#asked;
    const interim = first?.interim.shift();
    if (interim !== undefined) return { ...interim, body: Buffer.alloc(0) };
    if (!first?.whole || !first.head) throw new Error('closed before a whole response');
    this.#asked.shift();
    return { ...first.head, body: Buffer.concat(first.body) };
  }

  async closedWithin(limitMs: number): Promise<void> {
    await waitFor(() => this.isClosed, limitMs);
  }

  destroy(): void {
    this.session.destroy();
  }

  #takeHead(): boolean {
    const end = this.#input.indexOf('\r\n\r\n');
    if (end < 0 || this.#sessionClosed) return false;
    const [requestLine = '', ...lines] = this.#input.toString('latin1', 0, end).split('\r\n');
    this.#input = this.#input.subarray(end + 4);
    const [method = '', path = ''] = requestLine.split(' ');
    const { fields, left } = fieldsOf(lines);
    const stream = this.session.request({ ':method': method, ':path': path, ...fields }, { endStream: left === 0 });
    const asked: Asked = { stream, left, head: undefined, body: [], interim: [], whole: false, cut: false };
    this.#asked.push(asked);
    this.#listen(asked);
    if (left !== 0) this.#sending = asked;
    return this.#input.length > 0;
  }

  #listen(asked: Asked): void {
    const { stream } = asked;
    stream.on('error', () => {});
    stream.on('response', (_fields: unknown, _flags: unknown, raw: string[]) => {
      asked.head = answerHead(raw);
    });
    stream.on('headers', (_fields: unknown, _flags: unknown, raw: string[]) => asked.interim.push(answerHead(raw)));
    stream.on('data', (part: Buffer) => asked.body.push(part));
    if (this.#paused) stream.pause();
    let ended = false;
    stream.on('end', () => {
      ended = true;
      // An answer to a request whose body is still being sent is whole before the stream is closed.
      asked.whole = asked.head !== undefined && !stream.aborted && stream.rstCode === 0;
    });
    stream.on('close', () => {
      if (!ended || stream.rstCode !== 0 || asked.head === undefined) Object.assign(asked, { cut: true, whole: false });
    });
  }

  /** Takes what is there of the body that is being sent; true when there may be more to take. */
  #takeBody(asked: Asked): boolean {
    if (asked.left === 'chunked') return this.#takeChunk(asked);
    const part = this.#input.subarray(0, asked.left);
    this.#input = this.#input.subarray(part.length);
    if (part.length > 0 && !asked.stream.destroyed) asked.stream.write(part);
    this.#count(part.length);
    return this.#input.length > 0;
  }

  #takeChunk(asked: Asked): boolean {
    const lineEnd = this.#input.indexOf('\r\n');
    if (lineEnd < 0) return false;
    const size = Number.parseInt(this.#input.toString('latin1', 0, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (this.#input.length < end + 2) return false;
    if (size > 0) asked.stream.write(this.#input.subarray(lineEnd + 2, end));
    else asked.stream.end();
    this.#input = this.#input.subarray(end + 2);
    if (size === 0) this.#sending = undefined;
    return this.#input.length > 0;
  }

  #count(bytes: number): void {
    const asked = this.#sending;
    if (!asked || asked.left === 'chunked') return;
    asked.left -= bytes;
    if (asked.left > 0) return;
    if (!asked.stream.destroyed) asked.stream.end();
    this.#sending = undefined;
  }
}

function fieldsOf(lines: readonly string[]): { fields: OutgoingHttpHeaders; left: number | 'chunked' } {
  const fields: Record<string, string | string[]> = {};
  let left: number | 'chunked' = 0;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'transfer-encoding') left = 'chunked';
    else if (name === 'host') fields[':authority'] = value;
    else fields[name] = fields[name] === undefined ? value : [fields[name], value].flat();
    if (name === 'content-length') left = Number(value);
  }
  return { fields, left };
}

function answerHead(raw: readonly string[]): { status: number; headers: [string, string][] } {
  const headers: [string, string][] = [];
  let status = 0;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i] === ':status') status = Number(raw[i + 1]);
    else headers.push([raw[i] ?? '', raw[i + 1] ?? '']);
  }
  return { status, headers };
}
