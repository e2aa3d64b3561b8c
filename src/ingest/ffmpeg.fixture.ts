import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const TEST_PICTURE = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
export const TEST_TONE = ['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
export const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'];
export const AAC = ['-c:a', 'aac', '-b:a', '64k', '-ac', '2'];

/** The real ffmpeg, publishing. */
export interface Publisher {
  /** Its exit code (255 after `stop`) and what it said. */
  readonly done: Promise<{ code: number | null; stderr: string }>;
  stop(): void;
  kill(): void;
}

export function startPublishing(address: string, ...inputsAndCodecs: readonly string[][]): Publisher {
  const args = ['-hide_banner', '-loglevel', 'warning', '-nostdin', ...inputsAndCodecs.flat(), '-f', 'flv', address];
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (bytes) => {
    stderr = (stderr + bytes).slice(-16_384);
  });
  const done = once(child, 'close').then(([code]) => ({ code, stderr }));
  return { done, stop: () => child.kill('SIGINT'), kill: () => child.kill('SIGKILL') };
}

export function publish(
  address: string,
  ...inputsAndCodecs: readonly string[][]
): Promise<{ code: number | null; stderr: string }> {
  return startPublishing(address, ...inputsAndCodecs).done;
}

export interface Probe {
  readonly streams: {
    codec_name: string;
    codec_type: string;
    width?: number;
    height?: number;
    sample_rate?: string;
    avg_frame_rate?: string;
  }[];
  readonly packets: { codec_type: string; pts: number; dts: number | null; key: boolean }[];
}

/** What ffprobe reads in a file; times in ms. */
export async function probe(file: string): Promise<Probe> {
  const args = ['-v', 'error', '-show_streams', '-show_packets', '-of', 'json', file];
  const { stdout } = await run('ffprobe', args, { maxBuffer: 64 * 1024 * 1024 });
  const read = JSON.parse(stdout) as {
    streams: Probe['streams'];
    packets: { codec_type: string; pts_time: string; dts_time?: string; flags: string }[];
  };
  const packets = read.packets.map((packet) => ({
    codec_type: packet.codec_type,
    pts: Math.round(Number(packet.pts_time) * 1000),
    dts: packet.dts_time === undefined ? null : Math.round(Number(packet.dts_time) * 1000),
    key: packet.flags.startsWith('K'),
  }));
  return { streams: read.streams, packets };
}

/** How many pictures a full decode gives, and what the decoder complains of. */
export async function decode(file: string): Promise<{ frames: number; errors: string }> {
  const args = ['-v', 'error', '-count_frames', '-select_streams', 'v:0', '-show_entries', 'stream=nb_read_frames'];
  const { stdout, stderr } = await run('ffprobe', [...args, '-of', 'csv=p=0', file]);
  return { frames: Number.parseInt(stdout, 10), errors: stderr };
}
