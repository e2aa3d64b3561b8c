/**
 * The loop that viewers see while a publisher is away: about two seconds of MPEG-TS in the shape of the source, so that
 * it goes through the same decoder and the same ladder. Closed groups of one second without B-frames: it may be joined to itself.
 */
import type { AudioFacts, SourceFacts, VideoFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import { rationalRate } from './ffmpeg-command.js';
import { runTool, type ToolOutcome } from './ffmpeg-process.js';
import { PICTURE_PIXELS_MAX, PICTURE_SIDE_MAX } from './untrusted-input.js';

export interface SlateOptions {
  /** A picture file of the operator's; null: a plain dark ground with a line of text. */
  readonly picture: string | null;
  /** Which ffmpeg; default `ffmpeg` from PATH. */
  readonly binary?: string;
  readonly log: Log;
  readonly signal?: AbortSignal;
}

const SECONDS = 2;
const DEADLINE_MS = 20_000;
/** Still pictures: a 4K one takes about a tenth of it. */
const BYTES_MAX = 8 * 1024 * 1024;
const ASSUMED_RATE = 30;
const RATE_MAX = 120;
const TEXT = 'We will be right back';

/**
 * @returns MPEG-TS with H.264 (High, 4:2:0, 8 bits) and AAC (silence) for the tracks that the source has; null where this
 * ffmpeg cannot make it, in which case the log says why.
 */
export async function makeSlate(facts: SourceFacts, options: SlateOptions): Promise<Buffer | null> {
  if (!isMakeable(facts)) return null;
  for (const ground of grounds(facts.video, options.picture)) {
    const outcome = await encode(slateArguments(facts, ground), options);
    if (outcome.ok && outcome.stdout.length > 0) return outcome.stdout;
    if (options.signal?.aborted) return null;
    const reason = outcome.ok ? 'ffmpeg made nothing' : outcome.message;
    options.log.warn({ ground: ground.name, reason }, 'this kind of slate cannot be made');
  }
  return null;
}

function encode(args: readonly string[], options: SlateOptions): Promise<ToolOutcome> {
  const { log, signal, binary = 'ffmpeg' } = options;
  const bounds = { timeoutMs: DEADLINE_MS, stdoutMax: BYTES_MAX, nice: 5 };
  return runTool(binary, args, { log, ...bounds, ...(signal === undefined ? {} : { signal }) });
}

function isMakeable({ video, audio }: SourceFacts): boolean {
  if (video === null) return audio !== null;
  const { width, height } = video;
  const sides = Math.min(width, height) >= 16 && Math.max(width, height) <= PICTURE_SIDE_MAX;
  return sides && width * height <= PICTURE_PIXELS_MAX;
}

/** What the picture is made from; `input` and `filters` as ffmpeg takes them. */
interface Ground {
  readonly name: string;
  readonly input: readonly string[];
  readonly filters: readonly string[];
}

/** Best first: each is tried where the one before it fails (no such file, an ffmpeg without drawtext, no font). */
function grounds(video: VideoFacts | null, picture: string | null): Ground[] {
  if (video === null) return [{ name: 'silence', input: [], filters: [] }];
  const { width, height } = evenSize(video);
  const [numerator, denominator] = slateRate(video);
  const rate = `${numerator}/${denominator}`;
  const plain = ['-f', 'lavfi', '-i', `color=c=0x14171c:s=${width}x${height}:r=${rate}`];
  const size = Math.max(12, Math.round(Math.min(height / 12, width / 20)));
  const text = `drawtext=text='${TEXT}':fontcolor=0xd8dde6:fontsize=${size}:x=(w-text_w)/2:y=(h-text_h)/2`;
  const fitted = `scale=${width}:${height}:force_original_aspect_ratio=decrease,pad=${width}:${height}:-1:-1:0x14171c`;
  const still = picture === null ? [] : ['-loop', '1', '-framerate', rate, '-i', `file:${picture}`];
  const own = picture === null ? [] : [{ name: 'the configured picture', input: still, filters: [fitted] }];
  return [
    ...own,
    { name: 'text on a plain ground', input: plain, filters: [text] },
    { name: 'a plain ground', input: plain, filters: [] },
  ];
}

/** 4:2:0 pictures have even sides. */
function evenSize({ width, height }: VideoFacts) {
  return { width: width - (width % 2), height: height - (height % 2) };
}

function slateRate({ frameRate }: VideoFacts): readonly [number, number] {
  const believable = frameRate !== null && frameRate >= 1 && frameRate <= RATE_MAX;
  return rationalRate(believable ? frameRate : ASSUMED_RATE);
}

function slateArguments({ video, audio }: SourceFacts, ground: Ground): string[] {
  const silence = audio === null ? [] : silenceInput(audio);
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'level+error', ...ground.input, ...silence],
    ...(video === null ? [] : ['-map', '0:v', ...videoArguments(video, ground)]),
    ...(audio === null ? [] : ['-map', `${video === null ? 0 : 1}:a`, ...audioArguments(audio)]),
    ...['-t', String(SECONDS), '-muxdelay', '0', '-muxpreload', '0', '-f', 'mpegts', 'pipe:1'],
  ];
}

function videoArguments(video: VideoFacts, ground: Ground): string[] {
  const [numerator, denominator] = slateRate(video);
  const interval = String(Math.max(1, Math.round(numerator / denominator)));
  const shape = `setsar=${video.sampleAspectRatio > 0 ? video.sampleAspectRatio : 1}`;
  return [
    ...['-vf', [...ground.filters, shape, 'format=yuv420p'].join(',')],
    ...['-r', `${numerator}/${denominator}`, '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'stillimage'],
    ...['-profile:v', 'high', '-crf', '20', '-bf', '0', '-threads', '2', '-flags', '+cgop'],
    ...['-g', interval, '-keyint_min', interval, '-sc_threshold', '0'],
  ];
}

const LAYOUTS: Readonly<Record<number, string>> = { 1: 'mono', 2: 'stereo', 6: '5.1', 8: '7.1' };

function silenceInput({ sampleRate, channels }: AudioFacts): string[] {
  return ['-f', 'lavfi', '-i', `anullsrc=r=${sampleRate}:cl=${LAYOUTS[channels] ?? 'stereo'}`];
}

function audioArguments({ sampleRate, channels }: AudioFacts): string[] {
  return ['-c:a', 'aac', '-b:a', '64k', '-ar', String(sampleRate), '-ac', String(channels)];
}
