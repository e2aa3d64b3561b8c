import { type ChildProcess, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/** A place to send media to: a real ffmpeg that listens, takes one sender, and decodes all that comes. */
export interface MediaTarget {
  /** Pictures decoded so far. */
  readonly pictures: number;
  /** What was wrong with what came; the line by which it tells the sender's goodbye is left out. */
  readonly complaints: string;
  readonly ended: boolean;
  kill(): Promise<void>;
}

/** Pictures of a change stand a millisecond apart: they are counted as they come, on a clock that tells them apart. */
const COUNTING = [
  ...['-progress', 'pipe:1', '-stats_period', '0.2'],
  ...['-fps_mode', 'passthrough', '-enc_time_base:v', '1/90000'],
];

const targets = new Set<ChildProcess>();

/** `address`: as ffmpeg takes it, a listener's. */
export function listenForMedia(address: string): MediaTarget {
  const listening = address.startsWith('srt:') ? [] : ['-listen', '1'];
  const args = ['-v', 'error', '-nostdin', ...listening, '-threads', '1', '-i', address];
  const child = spawn('ffmpeg', [...args, ...COUNTING, '-f', 'null', '-'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  targets.add(child);
  let said = '';
  let pictures = 0;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-20_000);
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    pictures = Number([...text.matchAll(/frame=\s*(\d+)/g)].at(-1)?.[1] ?? pictures);
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void gone.then(() => targets.delete(child));
  return {
    get pictures() {
      return pictures;
    },
    get complaints() {
      const lines = said.split('\n').filter((line) => !line.includes(`${address.split('?', 1)[0]}`));
      return lines.join('\n').trim();
    },
    get ended() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Call in afterAll. */
export function stopMediaTargets(): void {
  for (const child of targets) child.kill('SIGKILL');
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
