import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import type { PublisherSession } from '../broadcast.js';
import type { Publisher } from '../ffmpeg.fixture.js';
import type { Admission, PublishRequest } from '../publish.js';
import type { Admitting } from './connection.js';
import type { KeyChange } from './key-table.js';
import { openSrtServer, type SrtServer, type SrtServerOptions } from './server.js';
import { agreement, control, HandCaller, named } from './srt-packets.fixture.js';

/** One admitted publisher: what came of it. */
export class RecordedSession implements PublisherSession {
  readonly broadcastId = 'b_recorded00000000';
  readonly channel: string;
  readonly request: PublishRequest;
  readonly codecs: string[] = [];
  /** Hashes of the frames' bytes, in order of arrival. */
  readonly frames: { track: string; hash: string }[] = [];
  /** While set, frames are answered with "stop", until `release`. */
  blocked = false;
  ended = false;
  #release: (() => void)[] = [];

  constructor(channel: string, request: PublishRequest) {
    this.channel = channel;
    this.request = request;
  }

  config: PublisherSession['config'] = (config) => {
    this.codecs.push(config.codec);
    return { ok: true } as ReturnType<PublisherSession['config']>;
  };

  metadata(): void {}

  cue(): void {}

  frame: PublisherSession['frame'] = ({ track, data }) => {
    this.frames.push({ track, hash: createHash('md5').update(data).digest('hex') });
    return !this.blocked;
  };

  drained(): Promise<void> {
    return new Promise((resolve) => this.#release.push(resolve));
  }

  release(): void {
    this.blocked = false;
    for (const resolve of this.#release.splice(0)) resolve();
  }

  end(): void {
    this.ended = true;
  }

  of(track: string): string[] {
    return this.frames.filter((frame) => frame.track === track).map(({ hash }) => hash);
  }
}

const CHANNELS = ['hall', 'yard', 'one', 'two', 'slow', 'other', 'evil', 'a', 'b', 'c'];

/** An SRT server with `key-NAME` for the channel NAME, one publisher a channel and role. */
export class SrtBench implements Admitting {
  readonly sessions: RecordedSession[] = [];
  readonly metrics = new Metrics();
  server: SrtServer | null = null;
  #tell: (change: KeyChange) => void = () => {};

  static async open(options: Partial<SrtServerOptions> = {}, channels = CHANNELS): Promise<SrtBench> {
    const bench = new SrtBench();
    const opening = await openSrtServer({
      host: '127.0.0.1',
      port: 0,
      publishing: bench,
      keys: {
        async follow(listener) {
          bench.#tell = listener;
          for (const channel of channels) bench.addKey(channel);
          return () => {};
        },
      },
      log: silentLog,
      metrics: bench.metrics,
      ...options,
    });
    if (!opening.serving) throw new Error(opening.reason);
    bench.server = opening.server;
    return bench;
  }

  get port(): number {
    return this.server?.address.port ?? 0;
  }

  async admit(request: PublishRequest): Promise<Admission> {
    const channel = /^key-([a-z]+)$/.exec(request.streamKey)?.[1];
    if (channel === undefined || (request.channel !== null && request.channel !== channel)) {
      return { ok: false, reason: 'bad-key', message: 'the stream key is not valid' };
    }
    const taken = this.sessions.some(({ ended, request: { streamKey, backup } }) => {
      return !ended && streamKey === request.streamKey && backup === request.backup;
    });
    if (taken) return { ok: false, reason: 'busy', message: 'busy' };
    const session = new RecordedSession(channel, request);
    this.sessions.push(session);
    return { ok: true, session };
  }

  addKey(channel: string): void {
    this.#tell({ channel, streamKey: `key-${channel}` });
  }

  removeKey(channel: string): void {
    this.#tell({ channel, gone: true });
  }

  setPassphrase(channel: string, passphrase: string | null): void {
    this.#tell({ channel, passphrase });
  }

  /** With `linger`, ffmpeg waits at its end until everything has been sent. */
  address(streamId: string, options = '', port = this.port): string {
    return `srt://127.0.0.1:${port}?streamid=${streamId}&linger=3${options}`;
  }

  async metric(name: string): Promise<string> {
    const lines = (await this.metrics.text()).split('\n');
    return lines.filter((line) => line.startsWith(`headwater_ingest_srt_${name}`)).join('\n');
  }

  async close(): Promise<void> {
    await this.server?.close(2000);
  }
}

/** The real ffmpeg, pushing a file at its own pace as it is; `options` stand before the file. */
export function pushFile(file: string, address: string, ...options: string[]): Publisher {
  return ffmpeg(['-re', ...options, '-i', file, '-c', 'copy', '-f', 'mpegts', address]);
}

/** Pushes bytes, whatever they are, at 1 MB/s. */
export function pushRaw(file: string, address: string): Publisher['done'] {
  const input = ['-re', '-f', 's16le', '-ar', '500000', '-ac', '1', '-i', file];
  return ffmpeg([...input, '-c', 'copy', '-f', 's16le', address]).done;
}

function ffmpeg(args: readonly string[]): Publisher {
  const all = ['-hide_banner', '-v', 'warning', '-nostdin', ...args];
  const child = spawn('ffmpeg', all, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (bytes) => {
    stderr = (stderr + bytes).slice(-16_384);
  });
  const done = once(child, 'close').then(([code]) => ({ code, stderr }));
  return { done, stop: () => child.kill('SIGINT'), kill: () => child.kill('SIGKILL') };
}

/** A caller that only wants to know: what libsrt says about its handshake, or null where it was let in. */
export async function rejectReasonFor(port: number, streamId: string, passphrase?: string): Promise<number | null> {
  const script = `
    import koffi from 'koffi';
    const names = ['libsrt-gnutls.so.1.5', 'libsrt-openssl.so.1.5', 'libsrt.so.1.5'];
    const library = names.map((name) => { try { return koffi.load(name); } catch { return null; } }).find((each) => each);
    const call = (definition) => library.func(definition);
    call('int srt_startup()')();
    const socket = call('int srt_create_socket()')();
    const set = call('int srt_setsockflag(int, int, const void *, int)');
    const [, port, streamId, passphrase] = process.argv;
    set(socket, 46, Buffer.from(streamId), Buffer.byteLength(streamId));
    if (passphrase) set(socket, 26, Buffer.from(passphrase), Buffer.byteLength(passphrase));
    const address = Buffer.from([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    const connected = call('int srt_connect(int, const void *, int)')(socket, address, 16) >= 0;
    process.stdout.write(connected ? 'null' : String(call('int srt_getrejectreason(int)')(socket)));
    process.stdout.end(() => process.kill(process.pid, 'SIGKILL'));
  `;
  const args = ['--input-type=module', '-e', script, String(port), streamId, ...(passphrase ? [passphrase] : [])];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: { stdout: string }) => error);
  return JSON.parse(stdout) as number | null;
}

/** Calls in by hand, and then asks to drop messages that were never sent, in which libsrt before 1.5.7 loses itself. */
export async function callAndForgeDrops(port: number, streamKey: string): Promise<void> {
  const caller = await HandCaller.open(port);
  const connection = (await caller.call([agreement(), named(streamKey)])) ?? 0;
  if (connection <= 0) throw new Error(`the caller was refused: ${connection}`);
  for (const [first, last] of FORGED_DROPS) {
    const range = Buffer.alloc(8);
    range.writeUInt32BE(first);
    range.writeUInt32BE(last, 4);
    caller.send(control(7, connection, range));
  }
  await sleep(50);
  caller.close();
}

const FORGED_DROPS = [
  [1, 0x7fffffff],
  [0x7fffffff, 1],
  [1, 0x3fffffff],
  [0x40000000, 0x40000001],
] as const;

/** Passes datagrams on to a port and back, and loses some both ways: always the same ones for the same seed. */
export class LossyRelay {
  /** 0 to 1. */
  loss: number;
  passed = 0;
  lost = 0;
  readonly #front: Socket;
  readonly #backs = new Map<string, Socket>();
  #seed: number;

  private constructor(front: Socket, loss: number, seed: number) {
    this.#front = front;
    this.loss = loss;
    this.#seed = seed;
  }

  static async open(options: { to: number; loss: number; seed: number }): Promise<LossyRelay> {
    const front = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    const relay = new LossyRelay(front, options.loss, options.seed);
    front.on('message', (bytes, { address, port }) => {
      const back = relay.#backFor(`${address}:${port}`, address, port);
      if (!relay.#loses()) back.send(bytes, options.to, '127.0.0.1');
    });
    front.bind(0, '127.0.0.1');
    await once(front, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#front.address() as AddressInfo).port;
  }

  close(): void {
    this.#front.close();
    for (const back of this.#backs.values()) back.close();
  }

  #backFor(caller: string, address: string, port: number): Socket {
    const known = this.#backs.get(caller);
    if (known !== undefined) return known;
    const back = createSocket('udp4');
    back.on('message', (bytes) => {
      if (!this.#loses()) this.#front.send(bytes, port, address);
    });
    this.#backs.set(caller, back);
    return back;
  }

  /** xorshift32. */
  #loses(): boolean {
    this.#seed ^= this.#seed << 13;
    this.#seed ^= this.#seed >>> 17;
    this.#seed ^= this.#seed << 5;
    const loses = (this.#seed >>> 0) / 2 ** 32 < this.loss;
    if (loses) this.lost++;
    else this.passed++;
    return loses;
  }
}
