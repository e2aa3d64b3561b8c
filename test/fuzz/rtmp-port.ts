import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { selfSigned } from '../../src/http/certificate.fixture.js';
import { readBlocks } from '../../src/ingest/matroska/recorded-clip.fixture.js';
import { PublishingBench } from '../../src/ingest/publishing.fixture.js';
import { messageBytes, RtmpClient } from '../../src/ingest/rtmp/rtmp-client.fixture.js';
import { openRtmpServer, type RtmpServer } from '../../src/ingest/rtmp/server.js';
import { silentLog } from '../../src/telemetry/log.js';
import type { FuzzTarget } from './fuzz-run.js';
import { cut, mutate } from './mutate.js';
import type { Random } from './random.js';
import type { Recordings } from './recordings.js';
import { media, publisherSessions } from './rtmp-bytes.js';
import { mutateSession } from './rtmp-targets.js';
import { WitnessSink } from './witness-sink.js';

const FRAME_MS = 40;
/** So that a publisher whose place is still being cleared does not turn the next one away. */
const KEYS = [...'abcdefgh'].map((letter) => `key-fuzz${letter}`);
const LIMITS = { handshakeMs: 1500, publishDeadlineMs: 1500, idleMs: 2000, lingerMs: 100, readRestMs: 0 };

/** A real RTMP and RTMPS server, mutated publishers at it, and one on the same port that nothing may disturb. */
export class RtmpPort {
  readonly #recordings: Recordings;
  readonly #bench: PublishingBench;
  readonly #server: RtmpServer;
  readonly #sink: WitnessSink;
  readonly #witness: Witness;

  private constructor(
    recordings: Recordings,
    parts: { bench: PublishingBench; server: RtmpServer; sink: WitnessSink; witness: Witness },
  ) {
    this.#recordings = recordings;
    this.#bench = parts.bench;
    this.#server = parts.server;
    this.#sink = parts.sink;
    this.#witness = parts.witness;
  }

  static async open(recordings: Recordings): Promise<RtmpPort> {
    const sink = new WitnessSink();
    const bench = await PublishingBench.open({ sink });
    const { publishing, metrics } = bench;
    const { cert, key } = selfSigned();
    const pair = { cert: Buffer.from(cert), key: Buffer.from(key) };
    const certificates = { current: () => pair, onChange: () => () => {} };
    const secure = { host: '127.0.0.1', port: 0, certificates };
    const at = { host: '127.0.0.1', port: 0, secure, limits: LIMITS };
    const server = await openRtmpServer({ ...at, publishing, log: silentLog, metrics });
    const witness = await Witness.open(server.address.port, recordings);
    return new RtmpPort(recordings, { bench, server, sink, witness });
  }

  get targets(): FuzzTarget[] {
    const sessions = KEYS.flatMap((key) => publisherSessions(this.#recordings, key));
    const { port } = this.#server.address;
    const securePort = this.#server.secureAddress?.port ?? 0;
    const next = (random: Random) => mutateSession(random, random.pick(sessions));
    return [
      { name: 'RTMP port', share: 10, attempt: (random) => sendAll(connect(port, '127.0.0.1'), random, next(random)) },
      {
        name: 'RTMPS port, within TLS',
        share: 2,
        attempt: async (random) => {
          const socket = connectTls({ port: securePort, host: '127.0.0.1', rejectUnauthorized: false });
          return sendAll(socket, random, next(random));
        },
      },
      {
        name: 'RTMPS port, TLS itself',
        share: 3,
        attempt: (random) => sendAll(connect(securePort, '127.0.0.1'), random, mutate(random, CLIENT_HELLO)),
      },
    ];
  }

  /** Throws where the innocent publisher lost a frame, or our side found a fault of its own. */
  async close(): Promise<void> {
    const sent = await this.#witness.stop();
    await this.#server.close(500);
    const cuts = await this.#bench.metrics.registry.getSingleMetric('headwater_ingest_rtmp_cut_total')?.get();
    await this.#bench.close();
    const faults = cuts?.values.find(({ labels }) => labels.reason === 'internal')?.value ?? 0;
    if (faults > 0) throw new Error(`${faults} connections were cut for a fault of ours`);
    const arrived = this.#sink.feeds.map((feed) => readBlocks(Buffer.concat(feed)).filter(({ track }) => track === 1));
    const times = arrived.flat().map(({ time }) => time);
    const rising = times.every((time, at) => at === 0 || time > (times[at - 1] ?? time));
    if (arrived.length !== 1 || times.length !== sent || !rising) {
      throw new Error(
        `of ${sent} frames of the innocent publisher ${times.length} arrived, in ${arrived.length} feeds`,
      );
    }
  }
}

/** Publishes the recorded pictures over and over, in time, on the channel `witness`. */
class Witness {
  readonly #client: RtmpClient;
  readonly #frames: Buffer[];
  readonly #timer: NodeJS.Timeout;
  #sent = 0;

  private constructor(client: RtmpClient, frames: Buffer[]) {
    this.#client = client;
    this.#frames = frames;
    this.#timer = setInterval(() => this.#send(), FRAME_MS);
  }

  static async open(port: number, { video }: Recordings): Promise<Witness> {
    const client = await RtmpClient.publishing(port, 'key-witness');
    const [config, ...frames] = media([video.h264]);
    // From key to key, so that the end fits to the beginning.
    const groups = frames.slice(0, 10).map(({ payload }) => payload);
    client.message(9, config?.payload ?? Buffer.alloc(0), { cid: 6, streamId: 1 });
    return new Witness(client, groups);
  }

  /** Ends the publish; how many pictures were sent. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    while (this.#sent < 50) this.#send();
    await after(500);
    if (this.#client.closed) throw new Error('the innocent publisher was cut');
    this.#client.close();
    return this.#sent;
  }

  #send(): void {
    const payload = this.#frames[this.#sent % this.#frames.length] ?? Buffer.alloc(0);
    this.#client.socket.write(messageBytes(9, payload, { clock: this.#sent * FRAME_MS, cid: 6, streamId: 1 }));
    this.#sent++;
  }
}

/** Writes, leaves in one of several ways, and waits until the connection is gone; true where the server let it publish. */
async function sendAll(socket: Socket, random: Random, bytes: Buffer): Promise<boolean> {
  let heard = '';
  socket.on('error', () => {});
  socket.on('data', (answer) => {
    heard = (heard + answer.toString('latin1')).slice(-20_000);
  });
  const closed = once(socket, 'close');
  for (const piece of cut(random, bytes, 4)) socket.write(piece);
  if (random.once(4)) socket.end(() => socket.destroy());
  else socket.end();
  await closed.catch(() => {});
  return heard.includes('NetStream.Publish.Start');
}

/** The start of a TLS 1.2 handshake. */
const CLIENT_HELLO = Buffer.concat([
  Buffer.from('16030100a5010000a10303', 'hex'),
  Buffer.alloc(32, 0x5a),
  Buffer.from('20', 'hex'),
  Buffer.alloc(32, 0x3c),
  Buffer.from('00061301c02bc02f010000520000000e000c0000096c6f63616c686f7374', 'hex'),
  Buffer.from('000a00080006001d00170018000b00020100000d00140012040308040401050308050501080606010201', 'hex'),
  Buffer.from('002b0003020304002d00020101', 'hex'),
]);
