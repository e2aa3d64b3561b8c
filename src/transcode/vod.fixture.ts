/** Small files made by real ffmpeg, and what the VOD tests ask of packaged output. */
import { execFile } from 'node:child_process';
import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Made with `ffmpeg -v error …args folder/name`; answers the path. */
export async function makeFile(folder: string, name: string, args: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await run('ffmpeg', ['-v', 'error', '-y', '-nostdin', ...args, path]);
  return path;
}

export const picture = (size: string, seconds: number, rate = '25') =>
  ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`] as const;
export const tone = (seconds: number, layout = 'stereo', rate = 48_000) =>
  ['-f', 'lavfi', '-i', `sine=f=440:d=${seconds}:r=${rate},aformat=channel_layouts=${layout}`] as const;
export const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'] as const;
export const AAC = ['-c:a', 'aac', '-b:a', '64k'] as const;

/** Writes a display matrix into the first track header (ISO/IEC 14496-12 §8.3.2): shown turned a quarter clockwise, as phones do. */
export async function turnUpright(path: string, height: number): Promise<void> {
  const bytes = await readFile(path);
  const matrix = bytes.indexOf('tkhd') + 44;
  for (const [index, value] of [0, 0x10000, 0, -0x10000, 0, 0, height * 0x10000, 0, 0x40000000].entries()) {
    bytes.writeInt32BE(value, matrix + index * 4);
  }
  await writeFile(path, bytes);
}

/** Cuts a file off at this part of its length. */
export async function cutAt(path: string, fraction: number): Promise<void> {
  const { length } = await readFile(path);
  await truncate(path, Math.floor(length * fraction));
}

export interface Packets {
  /** Seconds, in file order. */
  readonly times: readonly number[];
  readonly keyTimes: readonly number[];
  readonly durationSec: number;
  readonly stream: Record<string, unknown>;
}

/** What ffprobe sees in one file with one stream. */
export async function packetsOf(path: string): Promise<Packets> {
  const fields = 'packet=pts_time,duration_time,flags:stream:stream_side_data';
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', fields, '-of', 'json', path], {
    maxBuffer: 32 * 1024 * 1024,
  });
  const { packets, streams } = JSON.parse(stdout) as {
    packets: { pts_time: string; duration_time?: string; flags: string }[];
    streams: Record<string, unknown>[];
  };
  const times = packets.map(({ pts_time }) => Number(pts_time));
  const ends = packets.map(({ pts_time, duration_time }) => Number(pts_time) + Number(duration_time ?? 0));
  const keyTimes = packets.filter(({ flags }) => flags.startsWith('K')).map(({ pts_time }) => Number(pts_time));
  return { times, keyTimes, durationSec: Math.max(...ends) - Math.min(...times), stream: streams[0] ?? {} };
}

/** A player's view of a rendition: its initialization segment and all segments, one after the other. */
export async function joinSegments(folder: string, path: string, count: number): Promise<string> {
  await writeFile(path, await readFile(join(folder, 'init.mp4')));
  for (let number = 1; number <= count; number += 1) {
    await appendFile(path, await readFile(join(folder, `${number}.m4s`)));
  }
  return path;
}

/** When the sound first rises above silence, in seconds. */
export async function soundBegins(path: string): Promise<number> {
  const filter = 'silencedetect=noise=-40dB:d=0.05';
  const { stderr } = await run('ffmpeg', ['-hide_banner', '-nostdin', '-i', path, '-af', filter, '-f', 'null', '-']);
  return Number(/silence_end: ([\d.]+)/.exec(stderr)?.[1] ?? 0);
}

/** Mean luma of each picture, 0 to 255, in order. */
export async function lumaOf(path: string): Promise<number[]> {
  const filter = 'scale=16:16,format=gray';
  const { stdout } = await run(
    'ffmpeg',
    ['-v', 'error', '-nostdin', '-i', path, '-vf', filter, '-f', 'rawvideo', '-'],
    {
      encoding: 'buffer',
      maxBuffer: 32 * 1024 * 1024,
    },
  );
  const means: number[] = [];
  for (let at = 0; at + 256 <= stdout.length; at += 256) {
    means.push(stdout.subarray(at, at + 256).reduce((sum, value) => sum + value, 0) / 256);
  }
  return means;
}
