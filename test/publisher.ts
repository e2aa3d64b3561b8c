import { type ChildProcess, spawn } from 'node:child_process';

/** A real ffmpeg that pushes a test picture and a tone, as a broadcaster's encoder would. */
export interface Publisher {
  readonly pid: number;
  /** Resolves with the exit code and what it said. */
  readonly done: Promise<{ code: number | null; stderr: string }>;
  stop(): Promise<void>;
}

const publishers = new Set<ChildProcess>();

export function publish(rtmpUrl: string, options: { size?: string; rate?: number; seconds?: number } = {}): Publisher {
  const { size = '640x360', rate = 25, seconds = 120 } = options;
  const args = [
    ...['-v', 'error', '-re', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`],
    ...['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', String(seconds)],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-tune',
      'zerolatency',
      '-g',
      String(rate * 2),
      '-pix_fmt',
      'yuv420p',
    ],
    ...['-c:a', 'aac', '-b:a', '96k', '-f', 'flv', rtmpUrl],
  ];
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  publishers.add(child);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-20_000);
  });
  const done = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.once('exit', (code) => {
      publishers.delete(child);
      resolve({ code, stderr });
    });
  });
  return {
    pid: child.pid ?? 0,
    done,
    async stop() {
      child.kill('SIGKILL');
      await done;
    },
  };
}

export function stopPublishers(): void {
  for (const child of publishers) child.kill('SIGKILL');
}
