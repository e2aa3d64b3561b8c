import { spawnSync } from 'node:child_process';

/** A feed as ingest writes it (live Matroska, a cluster from each key), made by a real ffmpeg: ten pictures and a key a second. */
export function recordedFeed({
  seconds = 2,
  picture = ['libx264', '-preset', 'ultrafast'],
}: {
  seconds?: number;
  picture?: readonly string[] | null;
} = {}): Buffer {
  const pattern = picture === null ? [] : ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=10'];
  const coder = picture === null ? [] : ['-pix_fmt', 'yuv420p', '-g', '10', '-c:v', ...picture];
  const args = [
    ...['-v', 'error', '-nostdin', ...pattern, '-f', 'lavfi', '-i', 'sine=sample_rate=48000', '-t', String(seconds)],
    ...[
      ...coder,
      '-c:a',
      'aac',
      '-cluster_time_limit',
      '1000',
      '-write_crc32',
      '0',
      '-f',
      'matroska',
      '-live',
      '1',
      'pipe:1',
    ],
  ];
  const made = spawnSync('ffmpeg', args, { maxBuffer: 2 ** 26 });
  if (made.status !== 0) throw new Error(made.stderr.toString());
  return made.stdout;
}

const JUDGE = 'ffprobe';

/** How many pictures ffprobe decodes of it; throws with its words where anything is wrong. */
export function picturesIn(media: Buffer, mux: readonly string[] = ['-f', 'matroska']): number {
  const counting = [
    '-count_frames',
    '-select_streams',
    'v',
    '-show_entries',
    'stream=nb_read_frames',
    '-of',
    'csv=p=0',
  ];
  const judged = spawnSync(JUDGE, ['-v', 'error', ...mux, ...counting, '-i', 'pipe:0'], { input: media });
  if (judged.stderr.length > 0) throw new Error(judged.stderr.toString());
  return Number.parseInt(judged.stdout.toString(), 10);
}
