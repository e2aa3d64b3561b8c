/**
 * Whether an encoded rendition holds all of its source stream.
 *
 * ffmpeg ends with success on a file that was cut short, so the encoded duration is compared with what the container
 * promised. A shortfall is not always a loss: the last picture of a screen recording may stand for seconds, and is
 * encoded as one frame. Therefore the end of the source stream itself is looked at before anything is refused.
 */
import type { Log } from '../telemetry/log.js';
import { missingPart } from './expected-duration.js';
import { type ChildFailed, runTool } from './ffmpeg-process.js';
import type { MediaTools } from './media-tools.js';
import { untrustedProbeInput } from './untrusted-input.js';

export interface EncodedCheckOptions {
  /** The encoded file: one stream. */
  readonly encoded: string;
  /** The uploaded file, the stream in it that was encoded, and when that stream ends, in seconds. */
  readonly source: string;
  readonly streamIndex: number;
  readonly expectedSec: number;
  readonly log: Log;
  readonly signal?: AbortSignal;
  readonly tools: MediaTools;
}

export type EncodedCheck =
  | { readonly ok: true }
  /** The file's fault, in words for who sent it. */
  | { readonly ok: false; readonly reason: string }
  | ChildFailed;

export async function checkEncoded(options: EncodedCheckOptions): Promise<EncodedCheck> {
  const got = await encodedDuration(options);
  if (typeof got !== 'number') return got;
  if (!(got > 0)) return { ok: false, reason: 'nothing in the file could be decoded' };
  const reason = missingPart(options.expectedSec, got);
  if (reason === null || (await endsWithHeldPicture(options, got))) return { ok: true };
  return { ok: false, reason };
}

async function encodedDuration(options: EncodedCheckOptions): Promise<number | ChildFailed> {
  const fields = ['-show_entries', 'stream=duration', '-of', 'csv=p=0'];
  const outcome = await probe(options, ['-loglevel', 'error', ...fields, '-i', `file:${options.encoded}`]);
  if (!outcome.ok) return outcome.cause === 'bad-input' ? 0 : outcome;
  return Number.parseFloat(outcome.stdout.toString('utf8')) || 0;
}

/** Enough for minutes of packets; a longer rest of the stream that did not come out is a loss, whatever it holds. */
const TAIL_BYTES_MAX = 1024 * 1024;
const LOOK_BACK_SEC = 2;

/** True where the source has no packet after what came out, and its last one lasts to the promised end. */
async function endsWithHeldPicture(options: EncodedCheckOptions, gotSec: number): Promise<boolean> {
  const outcome = await probe(
    options,
    [
      ...['-loglevel', 'error', '-select_streams', String(options.streamIndex)],
      ...['-read_intervals', `${Math.max(0, gotSec - LOOK_BACK_SEC).toFixed(3)}%`],
      ...['-show_entries', 'packet=pts_time,duration_time:format=start_time', '-of', 'csv'],
      ...untrustedProbeInput(options.source),
    ],
    TAIL_BYTES_MAX,
  );
  if (!outcome.ok) return false;
  const { lastStart, end } = tail(outcome.stdout.toString('utf8'));
  return missingPart(lastStart, gotSec) === null && missingPart(options.expectedSec, end) === null;
}

/** Lines of `packet,PTS,DURATION` and one `format,START`, in seconds. */
function tail(csv: string): { lastStart: number; end: number } {
  const rows = csv.split('\n').map((line) => line.split(','));
  const origin = Number(rows.find(([kind]) => kind === 'format')?.[1]) || 0;
  let lastStart = 0;
  let end = 0;
  for (const [kind, pts, duration] of rows) {
    const start = Number(pts) - origin;
    if (kind !== 'packet' || !Number.isFinite(start)) continue;
    lastStart = Math.max(lastStart, start);
    end = Math.max(end, start + (Number(duration) || 0));
  }
  return { lastStart, end };
}

function probe(options: EncodedCheckOptions, args: readonly string[], stdoutMax?: number) {
  return runTool(options.tools.ffprobe, args, {
    log: options.log,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(stdoutMax === undefined ? {} : { stdoutMax }),
  });
}
