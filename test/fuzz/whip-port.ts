import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readBlocks } from '../../src/ingest/matroska/recorded-clip.fixture.js';
import { PublishingBench } from '../../src/ingest/publishing.fixture.js';
import { recordedPackets } from '../../src/ingest/whip/recorded.fixture.js';
import { WhipServer } from '../../src/ingest/whip/server.js';
import { openWebrtcProcess, type WebrtcProcess } from '../../src/ingest/whip/webrtc-process.js';
import { WhipMetrics } from '../../src/ingest/whip/whip-metrics.js';
import { silentLog } from '../../src/telemetry/log.js';
import type { FuzzTarget } from './fuzz-run.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';
import type { Recordings } from './recordings.js';
import { FRAGMENTS, OFFERS } from './whip-texts.js';
import { WhipWitness } from './whip-witness.js';
import { WitnessSink } from './witness-sink.js';

const BURST = 10;
const METHODS = ['PATCH', 'DELETE', 'OPTIONS', 'GET', 'PUT'];
const TYPES = ['application/trickle-ice-sdpfrag', 'text/plain'];

interface Parts {
  readonly bench: PublishingBench;
  readonly sink: WitnessSink;
  readonly webrtc: WebrtcProcess;
  readonly whip: WhipServer;
  readonly http: Server;
  readonly witness: WhipWitness;
}

/** A real WHIP endpoint and its UDP port, mutated requests and datagrams at them, and one publisher that nothing may disturb. */
export class WhipPort {
  readonly #parts: Parts;
  readonly #pid: number | null;
  readonly #url: string;
  readonly #socket: Socket;
  readonly #datagrams: readonly Buffer[];

  private constructor(parts: Parts, url: string, socket: Socket) {
    this.#parts = parts;
    this.#pid = parts.webrtc.pid;
    this.#url = url;
    this.#socket = socket;
    this.#datagrams = [...STUN_AND_DTLS, ...recordedPackets('chromium-h264').map(({ bytes }) => bytes)];
  }

  static async open(recordings: Recordings): Promise<WhipPort> {
    const sink = new WitnessSink();
    const bench = await PublishingBench.open({ sink });
    const { publishing } = bench;
    const at = { host: '127.0.0.1', port: 0, bitrateMaxBps: 5e6 };
    const webrtc = await openWebrtcProcess({ ...at, log: silentLog, onDeath: () => {} });
    const whip = new WhipServer({
      ...{ path: '/whip', publishing, webrtc, log: silentLog },
      publicAddresses: [],
      remoteAddress: ({ socket }) => socket.remoteAddress ?? '',
      metrics: new WhipMetrics(bench.metrics),
      limits: { connectMs: 1000 },
    });
    const http = createServer((req, res) => whip.handle(req, res)).listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/whip`;
    const witness = await WhipWitness.open(url, recordings);
    await witness.start();
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new WhipPort({ bench, sink, webrtc, whip, http, witness }, url, socket);
  }

  get targets(): FuzzTarget[] {
    return [
      { name: 'WHIP requests', share: 2, attempt: (random) => this.#request(random) },
      {
        name: `WebRTC port, ${BURST} datagrams each`,
        share: 4,
        attempt: async (random) => {
          for (let sent = 0; sent < BURST; sent++) this.#send(mutate(random, random.pick(this.#datagrams)));
          await sleep(1);
          return true;
        },
      },
    ];
  }

  /** Throws where the innocent publisher lost a picture, or the library's process did not survive. */
  async close(): Promise<void> {
    const { bench, sink, webrtc, whip, http, witness } = this.#parts;
    const sent = await witness.stop();
    const { pid } = webrtc;
    this.#socket.close();
    whip.close();
    http.closeAllConnections();
    http.close();
    await webrtc.close();
    await bench.close();
    if (pid !== this.#pid) throw new Error('the WebRTC process died');
    const arrived = sink.feeds.flatMap((feed) => readBlocks(Buffer.concat(feed))).length;
    if (arrived !== sent) throw new Error(`of ${sent} pictures of the innocent publisher ${arrived} arrived`);
  }

  #send(datagram: Buffer): void {
    if (datagram.length > 0 && datagram.length < 1500)
      this.#socket.send(datagram, this.#parts.webrtc.port, '127.0.0.1');
  }

  /** True where a session was opened, which is then ended. */
  async #request(random: Random): Promise<boolean> {
    const method = random.once(6) ? random.pick(METHODS) : 'POST';
    const recorded = Buffer.from(random.once(8) ? random.pick(FRAGMENTS) : random.pick(OFFERS));
    const text = random.once(4) ? recorded : mutate(random, recorded, { changesMax: 2 });
    const key = random.once(10) ? 'Bearer wrong' : `Bearer key-fuzz${String.fromCharCode(97 + random.below(26))}`;
    const headers = {
      Authorization: key,
      'Content-Type': random.once(10) ? random.pick(TYPES) : 'application/sdp',
      'If-Match': '"0"',
    };
    const body = method === 'GET' || method === 'OPTIONS' ? {} : { body: new Uint8Array(text) };
    const answer = await fetch(this.#url, { method, headers, ...body });
    await answer.arrayBuffer();
    if (answer.status === 500) throw new Error(`${method} was answered with 500`);
    if (answer.status !== 201) return false;
    const session = new URL(answer.headers.get('location') ?? '', this.#url);
    if (!random.once(8)) await (await fetch(session, { method: 'DELETE' })).arrayBuffer();
    return true;
  }
}

/** A binding request (RFC 8489 §5) with a name and an integrity, and the start of a DTLS handshake (RFC 6347 §4.1). */
const STUN_AND_DTLS = [
  Buffer.concat([
    Buffer.from('0001003c2112a442', 'hex'),
    Buffer.alloc(12, 0x21),
    Buffer.from('00060009', 'hex'),
    Buffer.from('ours:aB3d\0\0\0'),
    Buffer.from('00240004', 'hex'),
    Buffer.alloc(4, 0x6e),
    Buffer.from('00080014', 'hex'),
    Buffer.alloc(20, 0x42),
    Buffer.from('80280004deadbeef', 'hex'),
  ]),
  Buffer.concat([
    Buffer.from('16feff00000000000000000036', 'hex'),
    Buffer.from('0100002a000000000000002afefd', 'hex'),
    Buffer.alloc(32, 0x11),
    Buffer.from('00000002c02b0100', 'hex'),
  ]),
];
