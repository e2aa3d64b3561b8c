import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BoxReader } from '../cmaf/box-reader.js';

const run = promisify(execFile);
const BUFFER_MAX = 1 << 26;

/** One track as CMAF, made by the real ffmpeg: a header, and a segment for each two seconds. */
export interface CmafClip {
  readonly init: Buffer;
  readonly segments: readonly Buffer[];
  /** All of it, as other programs read it. */
  readonly whole: Buffer;
}

const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=6,format=yuv420p'];
const TONE = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=6'];

export function pictureClip(...coder: readonly string[]): Promise<CmafClip> {
  return clip([...PICTURES, '-c:v', ...coder, '-g', '50'], '+frag_keyframe');
}

export function soundClip(...coder: readonly string[]): Promise<CmafClip> {
  return clip([...TONE, '-c:a', ...coder, '-frag_duration', '2000000'], '');
}

async function clip(made: readonly string[], flags: string): Promise<CmafClip> {
  const mux = [
    '-movflags',
    `${flags}+cmaf+empty_moov+default_base_moof+frag_discont`,
    '-output_ts_offset',
    '10',
    '-f',
    'mp4',
    'pipe:1',
  ];
  const options = { encoding: 'buffer', maxBuffer: BUFFER_MAX } as const;
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-nostdin', ...made, ...mux], options);
  const boxes = [...new BoxReader().push(stdout)];
  const bytesOf = (...types: string[]) => boxes.filter(({ type }) => types.includes(type)).map(({ bytes }) => bytes);
  const media = bytesOf('moof', 'mdat');
  const segments = media.flatMap((moof, index) => {
    const mdat = media[index + 1];
    return index % 2 === 0 && mdat !== undefined ? [Buffer.concat([moof, mdat])] : [];
  });
  return { init: Buffer.concat(bytesOf('ftyp', 'moov')), segments, whole: stdout };
}

/** A fingerprint of every decoded picture or block of sound. Rejects where ffmpeg has anything to say about `bytes`. */
export async function decoded(bytes: Buffer, stream: 'v' | 'a'): Promise<string[]> {
  const args = ['-v', 'warning', '-nostdin', '-i', 'pipe:0', '-map', `0:${stream}:0`, '-f', 'framemd5', '-'];
  const { stdout, stderr } = await fed('ffmpeg', args, bytes);
  if (stderr !== '') throw new Error(`ffmpeg says: ${stderr}`);
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.slice(line.lastIndexOf(',') + 1).trim());
}

export interface ProbedPacket {
  readonly codec_type: 'video' | 'audio';
  readonly pts: number;
  readonly dts: number;
  readonly flags: string;
}

/** Packets as ffprobe sees them; it must have nothing to say besides. */
export async function probedPackets(bytes: Buffer): Promise<ProbedPacket[]> {
  const { stdout, stderr } = await fed('ffprobe', ['-v', 'warning', '-show_packets', '-of', 'json', '-'], bytes);
  if (stderr !== '') throw new Error(`ffprobe says: ${stderr}`);
  return JSON.parse(stdout).packets;
}

function fed(program: string, args: readonly string[], bytes: Buffer): Promise<{ stdout: string; stderr: string }> {
  const running = run(program, args, { maxBuffer: BUFFER_MAX, timeout: 60_000 });
  // It may have seen enough before the end.
  running.child.stdin?.on('error', () => {});
  running.child.stdin?.end(bytes);
  return running;
}
