import type { Readable } from 'node:stream';
import type { Log } from '../telemetry/log.js';
import { runFfmpeg } from './ffmpeg-process.js';

const TIMEOUT_MS = 30_000;
const BYTES_MAX = 2 * 1024 * 1024;

/** Small pictures on one image. */
export interface ThumbnailRequest {
  /** A header and fragments of our own making, a picture of each. */
  readonly media: Buffer;
  readonly layout: {
    /** Pixels of one picture. */
    readonly tile: { readonly width: number; readonly height: number };
    readonly columns: number;
    readonly rows: number;
    readonly pictures: number;
  };
  /** How far apart the fragments begin, at the least, seconds. */
  readonly apartSec: number;
}

/** A JPEG of the first key picture of each fragment, row by row. Null where there is none to be had. */
export async function thumbnailOf(request: ThumbnailRequest, binary: string, log: Log): Promise<Buffer | null> {
  const options = {
    log,
    binary,
    nice: 10,
    stdin: 'pipe',
    outputs: 1,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  } as const;
  const run = runFfmpeg(commandFor(request), options);
  const picture = collect(run.outputs);
  run.stdin?.end(request.media);
  const outcome = await run.done;
  const bytes = await picture;
  return outcome.ok && bytes.length > 0 ? bytes : null;
}

/** Only keys are decoded: a sheet of 25 costs about what one second of the picture does. */
function commandFor({ layout, apartSec }: ThumbnailRequest): string[] {
  const { tile, columns, rows, pictures } = layout;
  const filters = [
    // A fragment may have more keys than its first. A twentieth of a second is more than timestamps are rounded by.
    `select='isnan(prev_selected_t)+gte(t-prev_selected_t,${Math.max(0, apartSec - 0.05).toFixed(3)})'`,
    `scale=${tile.width}:${tile.height}:out_range=full`,
    'format=yuvj420p',
    'setsar=1',
    `tile=${columns}x${rows}:nb_frames=${pictures}`,
  ];
  return [
    ...['-threads', '1', '-probesize', '5000000', '-skip_frame', 'nokey', '-f', 'mov', '-i', 'pipe:0'],
    ...['-map', '0:v:0', '-frames:v', '1', '-fps_mode', 'passthrough', '-vf', filters.join(',')],
    ...['-map_metadata', '-1', '-threads', '1', '-q:v', '5', '-f', 'mjpeg', 'pipe:3'],
  ];
}

async function collect([output]: readonly Readable[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of (output ?? []) as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size <= BYTES_MAX) pieces.push(piece);
    }
  } catch {
    // It died: its outcome says so.
  }
  return size <= BYTES_MAX ? Buffer.concat(pieces) : Buffer.alloc(0);
}
