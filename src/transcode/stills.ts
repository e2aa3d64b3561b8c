/**
 * The poster of a video: one JPEG, upright, square pixels, at most 1280 wide, of a picture that shows something.
 *
 * Only key frames are decoded (several times cheaper), a handful of them from a tenth into the video, and the one
 * nearest to the average of them is taken; dark ones are passed over while there is another place to look.
 */
import { stat } from 'node:fs/promises';
import type { VideoFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import { runFfmpeg } from './ffmpeg-process.js';
import type { MediaTools } from './media-tools.js';
import { untrustedInput } from './untrusted-input.js';

const POSTER_WIDTH_MAX = 1280;
/** A still is worth no more than this, in ms, for each place that is tried. */
const STILL_TIMEOUT_MS = 20_000;

export interface StillOptions {
  readonly path: string;
  readonly facts: VideoFacts;
  readonly videoStreamIndex: number;
  readonly durationSec: number;
  /** The file to write. */
  readonly output: string;
  readonly log: Log;
  readonly signal?: AbortSignal;
  readonly nice?: number;
  readonly tools: MediaTools;
}

/** Where to look, in order: `dark` says whether a black picture will do. */
const PLACES = [
  { fraction: 0.1, dark: false },
  { fraction: 0.4, dark: false },
  { fraction: 0.7, dark: false },
  { fraction: 0, dark: true },
] as const;

/** False when no picture could be had: a video without a poster is still a video. */
export async function makePoster(options: StillOptions): Promise<boolean> {
  for (const place of PLACES) {
    if (options.signal?.aborted) return false;
    if (await tryPlace(options, options.durationSec * place.fraction, place.dark)) return true;
  }
  return false;
}

async function tryPlace(options: StillOptions, atSec: number, dark: boolean): Promise<boolean> {
  const timeout = AbortSignal.timeout(STILL_TIMEOUT_MS);
  const run = runFfmpeg(stillCommand(options, atSec, dark), {
    log: options.log,
    signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
    ...(options.nice === undefined ? {} : { nice: options.nice }),
    binary: options.tools.ffmpeg,
  });
  const outcome = await run.done;
  return outcome.ok && (await sizeOf(options.output)) > 0;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** How many key frames to choose from, and the longest stretch in seconds to look for them in. */
const CANDIDATES = 6;
const STRETCH_SEC = 60;
/** Mean luma (16 is black, 235 white) under which a picture shows nothing. */
const DARK_LUMA = 28;

function stillCommand(options: StillOptions, atSec: number, dark: boolean): string[] {
  const seek = ['-skip_frame', 'nokey', '-noaccurate_seek', '-ss', atSec.toFixed(3), '-t', String(STRETCH_SEC)];
  const bright = ['signalstats', `metadata=mode=select:key=lavfi.signalstats.YAVG:value=${DARK_LUMA}:function=greater`];
  const { width, height } = posterSize(options.facts);
  const filters = [
    `scale=${width}:${height}`,
    ...(dark ? [] : ['format=yuv420p', ...bright]),
    `thumbnail=${CANDIDATES}`,
    'scale=out_range=full',
    'format=yuvj420p',
    'setsar=1',
  ];
  return [
    ...untrustedInput(options.path, seek),
    ...['-map', `0:${options.videoStreamIndex}`, '-map_metadata', '-1'],
    ...['-vf', filters.join(','), '-frames:v', '1', '-q:v', '4', '-f', 'mjpeg', '-y', `file:${options.output}`],
  ];
}

/** The picture as a viewer sees it, shrunk to fit, in even numbers. ffmpeg turns it upright before it is scaled. */
export function posterSize(facts: VideoFacts): { width: number; height: number } {
  const coded = { width: facts.width * facts.sampleAspectRatio, height: facts.height };
  const shown = facts.rotation % 180 === 0 ? coded : { width: coded.height, height: coded.width };
  const scale = Math.min(1, POSTER_WIDTH_MAX / Math.max(shown.width, shown.height));
  const even = (side: number) => Math.max(2, 2 * Math.round((side * scale) / 2));
  return { width: even(shown.width), height: even(shown.height) };
}
