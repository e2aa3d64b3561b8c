/**
 * The live command line. Pure.
 *
 * One decode, the picture scaled down step by step (each rung from the one above it), one encode and one pipe per
 * rendition. Three decisions make every run of a broadcast fall into the same places:
 *
 * - `-copyts`: times stay those of the feed, which are the broadcast's. Without it ffmpeg subtracts the earliest start
 *   among the tracks, as its probing guessed it.
 * - `fps` with a start time puts every picture on the grid of n/rate from the broadcast's zero and makes the first one
 *   stand exactly where we say; ffmpeg gives the key frame expression only times relative to that first picture.
 * - Keys are forced where the picture's time, in the 90 kHz ticks that the fragments carry, reaches the next multiple of
 *   the segment's length. The obvious `gte(t,n_forced*2)` would force every picture after a jump.
 */
import type { AudioRendition, Rendition, VideoRendition } from '../media/rendition.js';
import type { SourceFacts, VideoFacts } from '../media/source-facts.js';

export interface LiveCommandOptions {
  /** Highest video rung first, as the ladder says; audio anywhere. Only those whose track the source has. */
  readonly renditions: readonly Rendition[];
  readonly facts: SourceFacts;
  readonly encoder: VideoEncoder;
  /** Where the feed's first frame stands on the broadcast's timeline, ms. */
  readonly startMs: number;
  /** Added to every time in the fragments, seconds; positive, since a negative decode time (AAC priming) would wrap. */
  readonly timelineOffsetSec: number;
  readonly segmentSec: number;
  /** The first output's pipe. */
  readonly firstOutputFd: number;
}

export type VideoEncoder = 'libx264';

export interface LiveCommand {
  readonly args: string[];
  /** In the order of the pipes. */
  readonly outputs: readonly { readonly renditionId: string; readonly fd: number }[];
}

export function liveCommand(options: LiveCommandOptions): LiveCommand {
  const video = options.renditions.filter((rendition) => rendition.kind === 'video');
  const audio = options.renditions.filter((rendition) => rendition.kind === 'audio');
  const start = startOnGrid(options.startMs, video[0]?.frameRate ?? 1);
  const graph = options.facts.video === null ? [] : liveFilterGraph(options.facts.video, video, start);
  const outputs = [...video, ...audio].map((rendition, index) => ({ rendition, fd: options.firstOutputFd + index }));
  const args = [
    ...INPUT,
    ...(graph.length === 0 ? [] : ['-threads', decodeThreads(options.facts.video)]),
    ...['-i', 'pipe:0', ...graph],
    ...outputs.flatMap(({ rendition, fd }, index) => [
      ...(rendition.kind === 'video' ? videoOutput(rendition, index, start, options) : audioOutput(rendition)),
      ...['-output_ts_offset', String(options.timelineOffsetSec), '-f', 'mp4', `pipe:${fd}`],
    ]),
  ];
  return { args, outputs: outputs.map(({ rendition, fd }) => ({ renditionId: rendition.id, fd })) };
}

// A small probe: the feed's header says all there is to know, and the default waits for seconds of media. Filters are
// not rebuilt when a picture's properties change: `fps` would begin again at its start time. `scale` adapts by itself.
const INPUT = [
  ...['-copyts', '-f', 'matroska', '-probesize', '32768', '-analyzeduration', '200000'],
  ...['-reinit_filter:v', '0', '-noautorotate'],
];

/** Up to here (full HD at 60 pictures a second) two decoding threads keep up; each one beyond the first holds back a picture. */
const TWO_THREADS_PIXELS_PER_SECOND = 130e6;

function decodeThreads(facts: VideoFacts | null): string {
  const pixelsPerSecond = facts === null ? 0 : facts.width * facts.height * (facts.frameRate ?? 30);
  return pixelsPerSecond <= TWO_THREADS_PIXELS_PER_SECOND ? '2' : '4';
}

interface GridStart {
  /** `frames` / `rate` seconds is where the first picture stands. */
  readonly seconds: string;
  readonly rate: string;
}

/** The picture slot nearest to the feed's first frame. */
function startOnGrid(startMs: number, frameRate: number): GridStart {
  const [numerator, denominator] = rationalRate(frameRate);
  const slot = Math.round((startMs * numerator) / (1000 * denominator));
  return { seconds: ((slot * denominator) / numerator).toFixed(9), rate: `${numerator}/${denominator}` };
}

/** 29.97… is exactly 30000/1001; a rounded one would lose a picture every few hours. */
export function rationalRate(frameRate: number): readonly [numerator: number, denominator: number] {
  const ntsc = Math.round((frameRate * 1001) / 1000);
  if (!Number.isInteger(frameRate) && Math.abs((ntsc * 1000) / 1001 - frameRate) < frameRate * 1e-5) {
    return [ntsc * 1000, 1001];
  }
  return Number.isInteger(frameRate) ? [frameRate, 1] : [Math.round(frameRate * 1000), 1000];
}

function liveFilterGraph(facts: VideoFacts, rungs: readonly VideoRendition[], start: GridStart): string[] {
  const top = rungs[0];
  if (top === undefined) return [];
  const head = [
    ...(facts.interlaced ? ['bwdif=mode=send_frame:deint=interlaced'] : []),
    `fps=${start.rate}:start_time=${start.seconds}`,
    ...TURNS[facts.rotation],
    'format=yuv420p',
    ...fitInto(facts, top),
  ];
  const steps = rungs.map((rung, index) => {
    const filters = index === 0 ? head : [`scale=${rung.width}:${rung.height}`, 'setsar=1'];
    const into = index === 0 ? '[0:v:0]' : `[below${index - 1}]`;
    const last = index === rungs.length - 1;
    return `${into}${filters.join(',')}${last ? `[out${index}]` : `,split[out${index}][below${index}]`}`;
  });
  return ['-filter_complex', steps.join(';')];
}

const TURNS = {
  0: [],
  90: ['transpose=clock'],
  180: ['hflip', 'vflip'],
  270: ['transpose=cclock'],
} as const;

/** Shapes differing by less than this are rounding to even sides. */
const SAME_SHAPE = 0.02;

/** Scales to the rung; a later feed of another shape than the ladder's is fitted in with bars rather than stretched. */
function fitInto(facts: VideoFacts, rung: VideoRendition): string[] {
  const shown = (facts.width * (facts.sampleAspectRatio || 1)) / facts.height;
  const shape = facts.rotation % 180 === 0 ? shown : 1 / shown;
  const ratio = (shape * rung.height) / rung.width;
  const size = `${rung.width}:${rung.height}`;
  if (Math.abs(ratio - 1) < SAME_SHAPE) return [`scale=${size}`, 'setsar=1'];
  const even = (side: number) => Math.max(2, 2 * Math.round(side / 2));
  const inner = ratio > 1 ? `${rung.width}:${even(rung.height / ratio)}` : `${even(rung.width * ratio)}:${rung.height}`;
  return [`scale=${inner}`, `pad=${size}:-1:-1`, 'setsar=1'];
}

/** The fragments' tick: 90 kHz divides every common rate, and MPEG's own players think in it. */
const VIDEO_TIMESCALE = 90_000;

function videoOutput(rung: VideoRendition, index: number, start: GridStart, options: LiveCommandOptions): string[] {
  return [
    ...['-map', `[out${index}]`, '-fps_mode', 'passthrough'],
    ...videoEncoderArgs(options.encoder, rung, options.segmentSec),
    ...['-force_key_frames', keysOnGrid(start, options.segmentSec)],
    ...['-video_track_timescale', String(VIDEO_TIMESCALE), '-frag_duration', '200000'],
    ...fragmented('frag_keyframe'),
  ];
}

/** Half a tick of tolerance: the muxer rounds to the nearest one, so keys stand exactly where ticks reach the grid. */
function keysOnGrid(start: GridStart, segmentSec: number): string {
  const offset = (Number(start.seconds) + 0.5 / VIDEO_TIMESCALE).toFixed(9);
  const segment = (time: string) => `floor((${time}+${offset})/${segmentSec})`;
  return `expr:if(isnan(prev_forced_t),1,gt(${segment('t')},${segment('prev_forced_t')}))`;
}

const fragmented = (cut: string) => [
  ...['-movflags', `+cmaf+${cut}+empty_moov+default_base_moof+frag_discont`, '-flush_packets', '1'],
];

/** The rungs' encoder settings for live; the speed measurement uses the same ones. */
export function videoEncoderArgs(encoder: VideoEncoder, rung: VideoRendition, segmentSec: number): string[] {
  // No picture may wait for a later one, and no key may stand where we did not ask for one.
  const interval = Math.ceil(rung.frameRate * segmentSec * 4);
  return [
    ...['-c:v', encoder, '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'high'],
    ...['-threads', encodeThreads(rung), '-bf', '0', '-sc_threshold', '0', '-g', String(interval)],
    ...['-b:v', String(rung.bitrate), '-maxrate', String(rung.maxBitrate), '-bufsize', String(rung.maxBitrate)],
  ];
}

/** With this tuning each thread is a slice, and slices cost bits: few for small pictures, never a big box's 48. */
function encodeThreads(rung: VideoRendition): string {
  const pixels = rung.width * rung.height;
  if (pixels <= 960 * 540) return '2';
  return pixels <= 1920 * 1080 ? '4' : '8';
}

/** Gaps of lost audio are filled with silence, so that sound stays with its picture; jitter below 50 ms is left alone. */
const KEEP_AUDIO_IN_PLACE = 'aresample=async=1:min_hard_comp=0.05';

function audioOutput(audio: AudioRendition): string[] {
  return [
    ...['-map', '0:a:0', '-af', KEEP_AUDIO_IN_PLACE, '-c:a', 'aac', '-b:a', String(audio.bitrate)],
    ...['-ar', String(audio.sampleRate), '-ac', String(audio.channels)],
    ...fragmented('frag_every_frame'),
  ];
}
