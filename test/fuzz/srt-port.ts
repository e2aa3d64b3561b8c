import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClipFolder, demux } from '../../src/ingest/mpeg-ts/ts.fixture.js';
import { until } from '../../src/ingest/publishing.fixture.js';
import { pushFile, type RecordedSession, SrtBench } from '../../src/ingest/srt/srt.fixture.js';
import type { FuzzTarget } from './fuzz-run.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';
import { type RecordedCall, SrtCaller, sortCall } from './srt-caller.js';

/** As long as the innocent publisher's file, again and again. */
const ROUND_SEC = 1;
const BURST = 25;
/** Callers that vanish keep their places for a while, and must not keep anybody out. */
const LIMITS = { idleMs: 5000, refusedMs: 0, connectionsMax: 5000 };
const FILE = 'witness.ts';
/** In microseconds: on a busy box nothing may come too late for the innocent publisher. */
const PATIENT = '&latency=1000000';
const ANSWER_MS = 1000;
/** `key-fuzz` in a stream id extension: words of four letters, each backwards. */
const STREAM_KEY = Buffer.from('-yekzzuf');
const HEADER_BYTES = 16;
const PAYLOAD_BYTES_MAX = 1316;
const SHUTDOWN = Buffer.concat([Buffer.from([0x80, 5]), Buffer.alloc(18)]);

/**
 * A real SRT port, mutated datagrams and callers at it, and one publisher on the same port that nothing may disturb.
 *
 * What libsrt 1.5.1 itself does not stand is left out (seen with its C interface alone; upstream mended most of it in 1.5.7):
 * handshakes with the right cookie and senseless fields, of which a tiny packet size has it write behind its answer; and, on a
 * connection that stands, forged control packets and sequence numbers, in which the port's one receiving thread gets lost.
 */
export class SrtPort {
  readonly #bench: SrtBench;
  readonly #clips: ClipFolder;
  readonly #call: RecordedCall;
  readonly #file: string;
  readonly #pictures: number;

  private constructor(bench: SrtBench, clips: ClipFolder, call: RecordedCall, pictures: number) {
    this.#bench = bench;
    this.#clips = clips;
    this.#call = call;
    this.#file = clips.file(FILE);
    this.#pictures = pictures;
  }

  static async open(): Promise<SrtPort> {
    const clips = await ClipFolder.open();
    const source = [
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=160x90:rate=25',
      '-t',
      String(ROUND_SEC),
      '-pix_fmt',
      'yuv420p',
    ];
    const coder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '0'];
    const pictures = demux(await clips.ts(FILE, ...source, ...coder)).of('video').length;
    const bench = await SrtBench.open({ limits: LIMITS });
    return new SrtPort(bench, clips, await recordCall(bench, clips.file(FILE)), pictures);
  }

  get targets(): FuzzTarget[] {
    const { induction, conclusion, data } = this.#call;
    const packets = [induction, conclusion, ...data];
    const pid = this.#bench.server?.listenerPid;
    const witness = new SrtWitness(this.#bench, this.#file, this.#pictures);
    return [
      {
        name: `SRT port, ${BURST} datagrams each`,
        share: 3,
        attempt: (random) => this.#strangers(random, packets),
      },
      {
        name: 'SRT port, callers',
        share: 1,
        attempt: (random) => this.#callIn(random),
        finish: async () => {
          await witness.stop();
          if (this.#bench.server?.listenerPid !== pid) throw new Error('the SRT process died');
        },
      },
    ];
  }

  async close(): Promise<void> {
    await this.#bench.close();
    await this.#clips.close();
  }

  async #strangers(random: Random, packets: readonly Buffer[]): Promise<boolean> {
    const caller = await SrtCaller.open(this.#bench.port);
    for (let sent = 0; sent < BURST; sent++) caller.send(mutate(random, random.pick(packets), { others: packets }));
    await sleep(1);
    caller.close();
    return caller.connected;
  }

  /** A whole handshake, and then changed payloads: what our own process reads. */
  async #callIn(random: Random): Promise<boolean> {
    const { induction, conclusion, data } = this.#call;
    const caller = await SrtCaller.open(this.#bench.port);
    caller.sendHandshake(induction);
    await caller.hear(ANSWER_MS);
    caller.sendHandshake(withOtherKey(random, conclusion));
    await caller.hear(ANSWER_MS);
    for (const packet of data.slice(0, 30)) {
      caller.sendOn(random.once(3) ? packet : withOtherPayload(random, packet));
    }
    if (!random.once(8)) caller.sendOn(SHUTDOWN);
    await sleep(1);
    caller.close();
    return caller.connected;
  }
}

function withOtherPayload(random: Random, packet: Buffer): Buffer {
  const payload = mutate(random, packet.subarray(HEADER_BYTES), { stride: 188 });
  return Buffer.concat([packet.subarray(0, HEADER_BYTES), payload.subarray(0, PAYLOAD_BYTES_MAX)]);
}

/** One of many channels, so that the one before doesn't stand in the way. */
function withOtherKey(random: Random, conclusion: Buffer): Buffer {
  const packet = Buffer.from(conclusion);
  const at = packet.indexOf(STREAM_KEY);
  if (at === -1) throw new Error('the recorded call has no stream id');
  packet[at + 4] = 'a'.charCodeAt(0) + random.below(26);
  return packet;
}

/** What the real ffmpeg says to the port, heard on the way there. */
async function recordCall(bench: SrtBench, file: string): Promise<RecordedCall> {
  const front = createSocket('udp4');
  const back = createSocket('udp4');
  const packets: Buffer[] = [];
  let caller = 0;
  front.on('message', (packet, { port }) => {
    caller = port;
    packets.push(packet);
    back.send(packet, bench.port, '127.0.0.1');
  });
  back.on('message', (packet) => front.send(packet, caller, '127.0.0.1'));
  front.bind(0, '127.0.0.1');
  back.bind(0, '127.0.0.1');
  await Promise.all([once(front, 'listening'), once(back, 'listening')]);
  const pushed = pushFile(file, bench.address('key-fuzz', '', front.address().port));
  await pushed.done;
  front.close();
  back.close();
  await until(() => bench.sessions.every(({ ended }) => ended), 'the end of the recorded call');
  return sortCall(packets);
}

/** ffmpeg, pushing one file over and over until it is stopped: of each push, all pictures must arrive. */
class SrtWitness {
  readonly #bench: SrtBench;
  readonly #file: string;
  readonly #pictures: number;
  readonly #running: Promise<string | null>;
  #stopping = false;

  constructor(bench: SrtBench, file: string, pictures: number) {
    this.#bench = bench;
    this.#file = file;
    this.#pictures = pictures;
    this.#running = this.#run();
  }

  /** After the push that is under way. Throws where a picture was lost. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const lost = await this.#running;
    if (lost !== null) throw new Error(lost);
  }

  async #run(): Promise<string | null> {
    do {
      const before = this.#sessions.length;
      const { code, stderr } = await pushFile(this.#file, this.#bench.address('key-witness', PATIENT)).done;
      if (code !== 0) return `the innocent SRT publisher ended with ${code}: ${stderr.slice(-300)}`;
      const session = this.#sessions[before];
      const arrived = () => session?.of('video').length ?? 0;
      await until(() => session?.ended === true, 'the end of the innocent SRT publisher').catch(() => {});
      if (arrived() !== this.#pictures)
        return `of the innocent publisher's ${this.#pictures} pictures ${arrived()} arrived`;
    } while (!this.#stopping);
    return null;
  }

  get #sessions(): RecordedSession[] {
    return this.#bench.sessions.filter(({ channel }) => channel === 'witness');
  }
}
