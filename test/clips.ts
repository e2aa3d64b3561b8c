import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Small real media made by ffmpeg, so that the tests need no files of their own. */
export interface ClipOptions {
  readonly seconds?: number;
  readonly size?: string;
  readonly rate?: number;
  readonly audio?: boolean;
  readonly video?: boolean;
  readonly extra?: readonly string[];
}

export function makeClip(folder: string, name: string, options: ClipOptions = {}): string {
  const { seconds = 4, size = '640x360', rate = 25, audio = true, video = true, extra = [] } = options;
  const file = join(folder, name);
  const inputs = [
    ...(video ? ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`] : []),
    ...(audio ? ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`] : []),
  ];
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-g',
    String(rate * 2),
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
  ];
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...inputs, ...codecs, '-movflags', '+faststart', ...extra, file], {
    stdio: 'pipe',
  });
  return file;
}
