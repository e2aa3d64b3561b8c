import type { Readable } from 'node:stream';
import type { Log } from '../telemetry/log.js';
import { runFfmpeg } from './ffmpeg-process.js';

/** Pixels across; upright pictures are as wide. */
const WIDTH = 160;
const TIMEOUT_MS = 10_000;
const BYTES_MAX = 256 * 1024;

/**
 * A small JPEG of the first key picture of a fragmented MP4 of our own making. Null where there is none to be had.
 *
 * @param media a header and a segment.
 */
export async function thumbnailOf(media: Buffer, binary: string, log: Log): Promise<Buffer | null> {
  const options = {
    log,
    binary,
    nice: 10,
    stdin: 'pipe',
    outputs: 1,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  } as const;
  const run = runFfmpeg(COMMAND, options);
  const picture = collect(run.outputs);
  run.stdin?.end(media);
  const outcome = await run.done;
  const bytes = await picture;
  return outcome.ok && bytes.length > 0 ? bytes : null;
}

const COMMAND = [
  ...['-threads', '1', '-probesize', '5000000', '-skip_frame', 'nokey', '-f', 'mov', '-i', 'pipe:0'],
  ...['-map', '0:v:0', '-frames:v', '1', '-vf', `scale=${WIDTH}:-2:out_range=full,format=yuvj420p,setsar=1`],
  ...['-map_metadata', '-1', '-threads', '1', '-q:v', '5', '-f', 'mjpeg', 'pipe:3'],
];

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
