import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { ClipFolder, demux } from '../../src/ingest/mpeg-ts/ts.fixture.js';
import { until } from '../../src/ingest/publishing.fixture.js';
import { pushFile, type RecordedSession, SrtBench } from '../../src/ingest/srt/srt.fixture.js';
import { openLog } from '../../src/telemetry/log.js';
import type { FuzzTarget } from './fuzz-run.js';
import { channelsLike, forge, sendDatagrams, sendMedia, shakeHands } from './srt-attacks.js';
import { type RecordedCall, sortCall } from './srt-caller.js';

/** As long as the innocent publisher's file, again and again. */
const ROUND_SEC = 1;
/** Callers that vanish keep their places for a while, and must not keep anybody out. */
const LIMITS = { idleMs: 5000, refusedMs: 0, connectionsMax: 5000 };
const FILE = 'witness.ts';
/** In microseconds: on a busy box nothing may come too late for the innocent publisher. */
const PATIENT = '&latency=1000000';
/** Channels of the recorded calls; the second wants encryption. */
const OPEN = 'fuzz';
const LOCKED = 'lock';
const PASSPHRASE = 'correct-horse-1';
/** What libsrt's process may hold: itself, and the buffers and lists of each connection, which it makes for a window of any length. */
const LISTENER_BYTES_MAX = 200 * 1024 * 1024;
const CONNECTION_BYTES_MAX = 2 * 1024 * 1024;

/** A real SRT port, strangers and publishers with good keys who mean it harm, and one on the same port that nothing may disturb. */
export class SrtPort {
  readonly #bench: SrtBench;
  readonly #clips: ClipFolder;
  readonly #calls: readonly RecordedCall[];
  readonly #file: string;
  readonly #pictures: number;
  /** What the server has logged. */
  readonly #faults: readonly string[];

  private constructor(
    bench: SrtBench,
    clips: ClipFolder,
    calls: readonly RecordedCall[],
    pictures: number,
    faults: readonly string[],
  ) {
    this.#faults = faults;
    this.#bench = bench;
    this.#clips = clips;
    this.#calls = calls;
    this.#file = clips.file(FILE);
    this.#pictures = pictures;
  }

  static async open(): Promise<SrtPort> {
    const clips = await ClipFolder.open();
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25', '-t', String(ROUND_SEC)];
    const coder = ['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '0'];
    const pictures = demux(await clips.ts(FILE, ...picture, ...coder)).of('video').length;
    const locked = channelsLike(LOCKED);
    const faults: string[] = [];
    const log = openLog('error', { write: (line) => faults.push(line) });
    const bench = await SrtBench.open({ limits: LIMITS, log }, ['witness', ...channelsLike(OPEN), ...locked]);
    for (const channel of locked) bench.setPassphrase(channel, PASSPHRASE);
    const file = clips.file(FILE);
    const calls = [
      await recordCall(bench, file, OPEN, ''),
      await recordCall(bench, file, LOCKED, `&passphrase=${PASSPHRASE}`),
    ];
    return new SrtPort(bench, clips, calls, pictures, faults);
  }

  get targets(): FuzzTarget[] {
    const calls = this.#calls;
    const { port } = this.#bench;
    const packets = calls.flatMap(({ induction, conclusion, data }) => [induction, conclusion, ...data]);
    const pid = this.#bench.server?.listenerPid ?? 0;
    const witness = new SrtWitness(this.#bench, this.#file, this.#pictures);
    const target = (name: string, share: number, attempt: FuzzTarget['attempt']): FuzzTarget => ({
      name: `SRT port, ${name}`,
      share,
      attempt,
      finish: async () => {
        if (this.#bench.server?.listenerPid !== pid) throw new Error(`the SRT process died: ${this.#faults.join('')}`);
        const bytes = residentBytes(pid);
        const connections = this.#bench.sessions.length;
        const allowed = LISTENER_BYTES_MAX + connections * CONNECTION_BYTES_MAX;
        if (bytes > allowed) throw new Error(`the SRT process holds ${bytes} bytes, after ${connections} connections`);
      },
    });
    return [
      target('25 datagrams each', 3, (random) => sendDatagrams(random, port, packets)),
      target('25 handshakes each', 3, (random) => shakeHands(random, port, calls)),
      target("publishers' media", 1, (random) => sendMedia(random, port, random.pick(calls))),
      target("publishers' forgeries, 60 each", 3, (random) => forge(random, port, random.pick(calls))),
      { name: 'SRT port, the innocent publisher', share: 0, attempt: () => true, finish: () => witness.stop() },
    ];
  }

  async close(): Promise<void> {
    await this.#bench.close();
    await this.#clips.close();
  }
}

/** Linux says so; elsewhere nothing does. */
function residentBytes(pid: number): number {
  if (process.platform !== 'linux') return 0;
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

/** What the real ffmpeg says to the port, heard on the way there. */
async function recordCall(bench: SrtBench, file: string, channel: string, options: string): Promise<RecordedCall> {
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
  const pushed = pushFile(file, bench.address(`key-${channel}`, options, front.address().port));
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
