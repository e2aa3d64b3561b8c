/**
 * The live command line. Pure.
 *
 * One decode, the picture scaled down step by step (each rung from the one above it), one encode and one pipe per
 * rendition. Decisions that make every run of a broadcast fall into the same places:
 *
 * - `-copyts`: times stay those of the feed, which are the broadcast's. Without it ffmpeg subtracts the earliest start
 *   among the tracks, as its probing guessed it.
 * - Every picture is put on the grid of n/rate from the broadcast's zero (`-r`, and `onGrid` in the graph), and the first one
 *   stands exactly where we say (what is before is decoded and dropped); ffmpeg gives the key frame expression only times
 *   relative to that first picture.
 * - Keys are forced where the picture's time, in the 90 kHz ticks that the fragments carry, reaches the next multiple of
 *   the segment's length. The obvious `gte(t,n_forced*2)` would force every picture after a jump.
 * - Beside a source that is passed through there is no grid: every picture keeps its time, and keys stand where the source
 *   has them.
 */
import type { AudioRendition, Rendition, VideoRendition } from '../media/rendition.js';
import type { SourceFacts, VideoFacts } from '../media/source-facts.js';
import { type EncodePath, SOFTWARE } from './encode-path.js';
import type { PartLength } from './part-length.js';
import { videoEncoderArgs } from './video-encoder.js';
import { type GraphStart, staysOnDevice, videoGraph } from './video-graph.js';

export interface LiveCommandOptions {
  /** What is to be encoded: highest video rung first, as the ladder says; audio anywhere. Only those whose track the source has. */
  readonly renditions: readonly Rendition[];
  readonly facts: SourceFacts;
  /** Default: all on the CPU. */
  readonly path?: EncodePath;
  /** Where keys stand: on multiples of `segmentSec` (default), or where the source has them. */
  readonly keys?: 'grid' | 'source';
  /** Where the feed's first frame stands on the broadcast's timeline, ms. */
  readonly startMs: number;
  /** Added to every time in the fragments, seconds; positive, since a negative decode time (AAC priming) would wrap. */
  readonly timelineOffsetSec: number;
  readonly segmentSec: number;
  /** How long the pictures' fragments are. */
  readonly part: PartLength;
  /** The first output's pipe. */
  readonly firstOutputFd: number;
}

export interface LiveCommand {
  readonly args: string[];
  /** In the order of the pipes. */
  readonly outputs: readonly { readonly renditionId: string; readonly fd: number }[];
}

export function liveCommand(options: LiveCommandOptions): LiveCommand {
  const { facts, keys = 'grid' } = options;
  const video = options.renditions.filter((rendition) => rendition.kind === 'video');
  const audio = options.renditions.filter((rendition) => rendition.kind === 'audio');
  const start = keys === 'source' ? null : startOnGrid(options.startMs, video[0]?.frameRate ?? 1);
  const path = usablePath(options.path ?? SOFTWARE, facts.video, video);
  const graph = facts.video === null ? [] : videoGraph({ facts: facts.video, rungs: video, start, path });
  const bodies = [
    ...video.map((rendition, index) => ({ rendition, body: videoOutput(rendition, index, start, path, options) })),
    ...audio.map((rendition) => ({ rendition, body: audioOutput(rendition) })),
  ];
  const outputs = bodies.map((output, index) => ({ ...output, fd: options.firstOutputFd + index }));
  const args = [
    ...INPUT,
    ...(graph.length === 0 ? [] : decoding(path, facts.video)),
    ...['-i', 'pipe:0', ...graph],
    ...outputs.flatMap(({ body, fd }) => [
      ...[...body, '-output_ts_offset', String(options.timelineOffsetSec), '-f', 'mp4', `pipe:${fd}`],
    ]),
  ];
  return { args, outputs: outputs.map(({ rendition, fd }) => ({ renditionId: rendition.id, fd })) };
}

// A small probe: the feed's header says all there is to know, and the default waits for seconds of media. Filters are
// not rebuilt when a picture's properties change: the grid would begin again at its start. `scale` adapts by itself.
const INPUT = [
  ...['-copyts', '-f', 'matroska', '-probesize', '32768', '-analyzeduration', '200000'],
  ...['-reinit_filter:v', '0', '-noautorotate'],
];

/** A path that would decode pictures that its GPU's filters cannot handle only encodes them. */
function usablePath(path: EncodePath, facts: VideoFacts | null, rungs: readonly VideoRendition[]): EncodePath {
  if (facts === null || rungs.length === 0) return SOFTWARE;
  if (path.kind === 'software' || staysOnDevice(path, facts, rungs[0])) return path;
  return path.kind === 'nvdec' ? SOFTWARE : { ...path, decodes: false };
}

/** Options of the input that decide where pictures are decoded, and of the whole that name the GPU. */
function decoding(path: EncodePath, facts: VideoFacts | null): string[] {
  const onCpu = decodeThreads(facts);
  switch (path.kind) {
    case 'nvdec':
      return cudaDecoding(path.gpu);
    case 'nvenc':
      return path.decodes ? cudaDecoding(path.gpu) : onCpu;
    case 'vaapi':
      if (!path.decodes) return ['-vaapi_device', path.device, ...onCpu];
      return ['-threads', '1', '-hwaccel', 'vaapi', '-hwaccel_device', path.device, '-hwaccel_output_format', 'vaapi'];
    case 'qsv': {
      const device = ['-init_hw_device', `qsv=hw,child_device=${path.device}`, '-filter_hw_device', 'hw'];
      if (!path.decodes) return [...device, ...onCpu];
      return [...device, '-hwaccel', 'qsv', '-hwaccel_output_format', 'qsv', '-c:v', `${facts?.codec}_qsv`];
    }
    default:
      return onCpu;
  }
}

/** One thread: the GPU decodes, and each further thread would only hold pictures back. */
function cudaDecoding(gpu: number): string[] {
  return ['-threads', '1', '-hwaccel', 'cuda', '-hwaccel_device', String(gpu), '-hwaccel_output_format', 'cuda'];
}

/**
 * Up to full HD at 30 pictures a second one picture after the other is decoded in time (in 7 ms each, measured), two threads
 * taking turns in its slices where it has some. Beyond, and from there to 60 pictures a second two threads keep up, each has a
 * picture of its own, and each thread beyond the first holds back a picture.
 */
const ONE_PICTURE_PIXELS_PER_SECOND = 65e6;
const TWO_THREADS_PIXELS_PER_SECOND = 130e6;

function decodeThreads(facts: VideoFacts | null): string[] {
  const pixelsPerSecond = facts === null ? 0 : facts.width * facts.height * (facts.frameRate ?? 30);
  if (pixelsPerSecond <= ONE_PICTURE_PIXELS_PER_SECOND) return ['-thread_type', 'slice', '-threads', '2'];
  return ['-threads', pixelsPerSecond <= TWO_THREADS_PIXELS_PER_SECOND ? '2' : '4'];
}

/** The picture slot nearest to the feed's first frame: `frames` / `rate` seconds. */
function startOnGrid(startMs: number, frameRate: number): GraphStart {
  const [numerator, denominator] = rationalRate(frameRate);
  const slot = Math.round((startMs * numerator) / (1000 * denominator));
  return { slot, seconds: ((slot * denominator) / numerator).toFixed(9), rate: `${numerator}/${denominator}` };
}

/** 29.97… is exactly 30000/1001; a rounded one would lose a picture every few hours. */
export function rationalRate(frameRate: number): readonly [numerator: number, denominator: number] {
  const ntsc = Math.round((frameRate * 1001) / 1000);
  if (!Number.isInteger(frameRate) && Math.abs((ntsc * 1000) / 1001 - frameRate) < frameRate * 1e-5) {
    return [ntsc * 1000, 1001];
  }
  return Number.isInteger(frameRate) ? [frameRate, 1] : [Math.round(frameRate * 1000), 1000];
}

/** The fragments' tick: 90 kHz divides every common rate, and MPEG's own players think in it. */
const VIDEO_TIMESCALE = 90_000;

function videoOutput(
  rung: VideoRendition,
  index: number,
  start: GraphStart | null,
  path: EncodePath,
  { segmentSec, part }: LiveCommandOptions,
): string[] {
  // The source's times are milliseconds; the encoder's clock would round them to whole pictures.
  const asTheyCome = ['-fps_mode', 'passthrough', '-enc_time_base', `1:${VIDEO_TIMESCALE}`];
  return [
    ...['-map', `[out${index}]`, ...(start === null ? asTheyCome : ['-r', start.rate])],
    ...videoEncoderArgs(path, rung, segmentSec),
    ...['-force_key_frames', start === null ? 'source' : keysOnGrid(start, segmentSec)],
    ...['-video_track_timescale', String(VIDEO_TIMESCALE), ...fragments(part, '+frag_keyframe')],
  ];
}

/** Half a tick of tolerance: the muxer rounds to the nearest one, so keys stand exactly where ticks reach the grid. */
function keysOnGrid(start: GraphStart, segmentSec: number): string {
  const offset = (Number(start.seconds) + 0.5 / VIDEO_TIMESCALE).toFixed(9);
  const segment = (time: string) => `floor((${time}+${offset})/${segmentSec})`;
  return `expr:if(isnan(prev_forced_t),1,gt(${segment('t')},${segment('prev_forced_t')}))`;
}

/**
 * A fragment ends before the first picture (or frame of sound) that begins so long after its own first one: half a picture less than all of it
 * lasts, so that rounding never makes it one longer or shorter. The muxer sees that only once that picture has come; no
 * option of it (`-max_delay`, `-max_interleave_delta`, `frag_every_frame`) hands out a fragment earlier.
 */
function fragments({ frames, frameRate }: Omit<PartLength, 'maxSec'>, cut: '' | '+frag_keyframe'): string[] {
  const microseconds = Math.round(((frames - 0.5) * 1e6) / frameRate);
  const flags = `+cmaf${cut}+empty_moov+default_base_moof+frag_discont`;
  return ['-frag_duration', String(microseconds), '-flush_packets', '1', '-movflags', flags];
}

/** Gaps of lost audio are filled with silence, so that sound stays with its picture; jitter below 50 ms is left alone. */
const KEEP_AUDIO_IN_PLACE = 'aresample=async=1:min_hard_comp=0.05';

/** Frames of AAC that go into a fragment, together no longer than this: each fragment wakes the box. */
const SOUND_FRAGMENT_SEC = 0.094;
const AAC_FRAME_SAMPLES = 1024;

function audioOutput(audio: AudioRendition): string[] {
  const frameRate = audio.sampleRate / AAC_FRAME_SAMPLES;
  const frames = Math.max(1, Math.floor(SOUND_FRAGMENT_SEC * frameRate));
  return [
    ...['-map', '0:a:0', '-af', KEEP_AUDIO_IN_PLACE, '-c:a', 'aac', '-b:a', String(audio.bitrate)],
    ...['-ar', String(audio.sampleRate), '-ac', String(audio.channels)],
    ...fragments({ frames, frameRate }, ''),
  ];
}
