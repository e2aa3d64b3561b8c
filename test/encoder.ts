import { type ChildProcess, spawn } from 'node:child_process';

export interface EncoderOptions {
  readonly size?: string;
  /** Pictures a second; a key comes every second one's worth of two. */
  readonly rate?: number;
  /** Where its clock begins, seconds. */
  readonly clockSec?: number;
  /** Connects again when it is cut, as encoders do. */
  readonly returns?: boolean;
}

const RETURN_MS = 300;
const SAID_MAX = 20_000;
const encoders = new Set<Encoder>();

/**
 * A broadcaster's encoder: a real ffmpeg that pushes a test picture and a tone to an address of any protocol.
 *
 * Lifetime: from construction to `stop`; one that returns is a row of processes.
 */
export class Encoder {
  readonly #address: string;
  readonly #options: EncoderOptions;
  #child: ChildProcess;
  #stopped = false;
  #said = '';
  /** How often it was started. */
  starts = 0;

  constructor(address: string, options: EncoderOptions = {}) {
    this.#address = address;
    this.#options = options;
    encoders.add(this);
    this.#child = this.#start();
  }

  /** What it wrote to stderr. */
  get said(): string {
    return this.#said;
  }

  /** `SIGTERM`: it says goodbye; `SIGKILL`: it is gone. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#stopped = true;
    encoders.delete(this);
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  #start(): ChildProcess {
    this.starts += 1;
    const child = spawn('ffmpeg', commandLine(this.#address, this.#options), { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-SAID_MAX);
    });
    child.once('exit', () => {
      if (!this.#options.returns) return;
      setTimeout(() => {
        if (!this.#stopped) this.#child = this.#start();
      }, RETURN_MS);
    });
    return child;
  }
}

/** Call in afterAll. */
export async function stopEncoders(): Promise<void> {
  await Promise.all([...encoders].map((encoder) => encoder.stop('SIGKILL')));
}

function commandLine(address: string, { size = '320x180', rate = 15, clockSec = 0 }: EncoderOptions): string[] {
  const picture = ['-re', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`];
  const tone = ['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', String(rate * 2)];
  const aac = ['-c:a', 'aac', '-b:a', '64k'];
  const clock = clockSec === 0 ? [] : ['-output_ts_offset', String(clockSec)];
  const format = address.startsWith('srt:') ? 'mpegts' : 'flv';
  const output = ['-pix_fmt', 'yuv420p', '-threads', '1', ...aac, ...clock, '-f', format, address];
  return ['-v', 'error', '-nostdin', ...picture, ...tone, ...h264, ...output];
}
