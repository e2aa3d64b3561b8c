import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** How a test asks ffmpeg for a short live ladder: two pictures and one tone on three pipes, as transcode does. */
export interface LadderOptions {
  readonly seconds: number;
  /** Where the first frame stands on the timeline, in seconds. */
  readonly startSec?: number;
  /** Pictures a second. Default `25`. */
  readonly rate?: string;
  /** As fast as the source would be live, instead of as fast as possible. */
  readonly realTime?: boolean;
}

export interface FixtureLadder {
  readonly process: ChildProcess;
  /** The pipes of v180, v90 and audio. */
  readonly pipes: Readonly<Record<'v180' | 'v90' | 'audio', Readable>>;
  readonly done: Promise<void>;
}

export const TIMELINE_OFFSET_SEC = 10;
const VIDEO_MOVFLAGS = '+cmaf+frag_keyframe+empty_moov+default_base_moof+frag_discont';
const AUDIO_MOVFLAGS = '+cmaf+empty_moov+default_base_moof+frag_discont';

export function runLadder(options: LadderOptions): FixtureLadder {
  const child = spawn('ffmpeg', ladderArguments(options), {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const errors: Buffer[] = [];
  child.stderr?.on('data', (bytes: Buffer) => errors.push(bytes));
  const done = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0 || signal !== null) resolve();
      else reject(new Error(`ffmpeg ended with ${code}: ${Buffer.concat(errors).toString()}`));
    });
  });
  const pipe = (index: number) => child.stdio[index] as Readable;
  return { process: child, pipes: { v180: pipe(3), v90: pipe(4), audio: pipe(5) }, done };
}

function ladderArguments({ seconds, startSec = 0, rate = '25', realTime = false }: LadderOptions): string[] {
  const pace = realTime ? ['-re'] : [];
  // The timeline position goes into the input's times, so that the forced keys fall on the grid of the whole broadcast.
  return [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin'],
    ...[...pace, '-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${rate}:duration=${seconds}`],
    ...[...pace, '-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`],
    '-filter_complex',
    `[0:v]setpts=PTS+${startSec}/TB,split=2[a][b];[b]scale=160:90[c];[1:a]asetpts=PTS+${startSec}/TB[s]`,
    ...['-map', '[a]', ...video(startSec), 'pipe:3', '-map', '[c]', ...video(startSec), 'pipe:4'],
    ...[
      '-map',
      '[s]',
      '-c:a',
      'aac',
      '-b:a',
      '96k',
      '-ac',
      '2',
      '-movflags',
      AUDIO_MOVFLAGS,
      '-frag_duration',
      '200000',
      ...output(),
      'pipe:5',
    ],
  ];
}

/** ffmpeg's `t` counts from the run's first picture, the grid from the broadcast's. */
function keysOnGrid(startSec: number): string {
  const slot = (time: string) => `floor((${time}+${startSec + 0.5 / 90_000})/2)`;
  return `expr:if(isnan(prev_forced_t),1,gt(${slot('t')},${slot('prev_forced_t')}))`;
}

function video(startSec: number): string[] {
  const coder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'];
  const keys = [
    '-fps_mode',
    'passthrough',
    '-bf',
    '0',
    '-sc_threshold',
    '0',
    '-g',
    '1000',
    '-force_key_frames',
    keysOnGrid(startSec),
  ];
  const mux = ['-video_track_timescale', '90000', '-movflags', VIDEO_MOVFLAGS, '-frag_duration', '200000'];
  return [...coder, ...keys, ...mux, ...output()];
}

function output(): string[] {
  return ['-flush_packets', '1', '-output_ts_offset', String(TIMELINE_OFFSET_SEC), '-f', 'mp4'];
}
