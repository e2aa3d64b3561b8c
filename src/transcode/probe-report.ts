/** Reads ffprobe's JSON about a file into what we need to know of it, or into words for the person who sent it. Pure. */
import { z } from 'zod';
import type { AudioFacts, SourceFacts, VideoFacts } from '../media/source-facts.js';
import { PICTURE_PIXELS_MAX, PICTURE_SIDE_MAX } from './untrusted-input.js';

export type ProbeReading =
  | {
      readonly ok: true;
      readonly facts: SourceFacts;
      readonly video: StreamSpan | null;
      readonly audio: StreamSpan | null;
      /** What the container says it lasts, in seconds; null where it says nothing or merely guesses. */
      readonly declaredSec: number | null;
    }
  | { readonly ok: false; readonly reason: string };

/** One chosen stream: where it stands in the file, and when it ends. */
export interface StreamSpan {
  readonly index: number;
  /** Seconds from the start of the file to the end of this stream; null where the container does not say. */
  readonly endSec: number | null;
  /** Coded pictures or blocks, where the container counts them. */
  readonly frames: number | null;
}

const text = z.string().optional();
const streamReport = z.object({
  index: z.number().int().nonnegative(),
  codec_type: text,
  codec_name: text,
  codec_tag_string: text,
  width: z.number().optional(),
  height: z.number().optional(),
  sample_aspect_ratio: text,
  field_order: text,
  color_transfer: text,
  avg_frame_rate: text,
  r_frame_rate: text,
  sample_rate: text,
  channels: z.number().optional(),
  start_time: text,
  duration: text,
  nb_frames: text,
  disposition: z.record(z.string(), z.number()).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  side_data_list: z.array(z.looseObject({ rotation: z.number().optional() })).optional(),
});
type StreamReport = z.infer<typeof streamReport>;

const probeReport = z.object({
  streams: z.array(streamReport).default([]),
  format: z.object({ format_name: text, start_time: text, duration: text }).default({}),
});

/** For these ffprobe takes the last time stamp less the first, which a clock that jumps midway makes nonsense of. */
const CLOCKED_FORMATS = ['mpegts', 'mpeg'];

/** `guessedByBitrate`: ffprobe said that it worked the duration out that way. Throws on what is not ffprobe's JSON. */
export function readProbeReport(json: unknown, guessedByBitrate: boolean): ProbeReading {
  const { streams, format } = probeReport.parse(json);
  const video = chooseVideo(streams);
  const audio = chooseAudio(streams);
  if (video === null && audio === null) return { ok: false, reason: nothingToPlay(streams) };
  const refused = video === null ? null : refusePicture(video);
  if (refused !== null) return { ok: false, reason: refused };
  const durationGuessed = guessedByBitrate || CLOCKED_FORMATS.includes(format.format_name ?? '');
  const start = seconds(format.start_time) ?? 0;
  const span = (stream: StreamReport | null) => (stream === null ? null : streamSpan(stream, start, durationGuessed));
  return {
    ok: true,
    facts: { video: video && videoFacts(video), audio: audio && audioFacts(audio) },
    video: span(video),
    audio: span(audio),
    declaredSec: durationGuessed ? null : seconds(format.duration),
  };
}

function nothingToPlay(streams: readonly StreamReport[]): string {
  if (streams.some((stream) => isEncrypted(stream))) return 'the media in this file is encrypted';
  if (streams.some((stream) => isPicture(stream))) return 'the file holds a still picture, but no video and no audio';
  const media = streams.filter((stream) => stream.codec_type === 'video' || stream.codec_type === 'audio');
  if (media.length === 0) return 'the file holds no video and no audio';
  const codecs = media.map((stream) => stream.codec_name ?? stream.codec_tag_string ?? 'unknown').join(', ');
  return `no video or audio in this file can be decoded (${codecs}): it is damaged, cut short, or of an unknown kind`;
}

/** Common encryption (ISO/IEC 23001-7 §4.1) renames the sample entries. */
const isEncrypted = (stream: StreamReport) => ['encv', 'enca'].includes(stream.codec_tag_string ?? '');

/** Covers of albums and thumbnails are video streams to ffprobe. */
function isPicture({ disposition }: StreamReport): boolean {
  return ['attached_pic', 'still_image', 'timed_thumbnails'].some((name) => disposition?.[name] === 1);
}

function isDecodable(stream: StreamReport): boolean {
  const known = stream.codec_name !== undefined && !['unknown', 'none'].includes(stream.codec_name);
  return known && !isEncrypted(stream);
}

function chooseVideo(streams: readonly StreamReport[]): StreamReport | null {
  const usable = streams.filter(
    (stream) => stream.codec_type === 'video' && !isPicture(stream) && isDecodable(stream) && area(stream) > 0,
  );
  return best(usable, area);
}

function chooseAudio(streams: readonly StreamReport[]): StreamReport | null {
  const usable = streams.filter(
    (stream) => stream.codec_type === 'audio' && isDecodable(stream) && audioFacts(stream).sampleRate > 0,
  );
  return best(usable, (stream) => stream.channels ?? 0);
}

const area = (stream: StreamReport) => (stream.width ?? 0) * (stream.height ?? 0);

/** The stream that its author marked as default, else the one with the most to give, else the first. */
function best(streams: readonly StreamReport[], worth: (stream: StreamReport) => number): StreamReport | null {
  const rank = (stream: StreamReport) => [stream.disposition?.default ?? 0, worth(stream)] as const;
  const [first] = streams.toSorted((a, b) => {
    const [[markedA, worthA], [markedB, worthB]] = [rank(a), rank(b)];
    return markedB - markedA || worthB - worthA || a.index - b.index;
  });
  return first ?? null;
}

function refusePicture({ width = 0, height = 0 }: StreamReport): string | null {
  const tooLarge = Math.max(width, height) > PICTURE_SIDE_MAX || width * height > PICTURE_PIXELS_MAX;
  if (!tooLarge) return null;
  return `the picture is ${width}×${height}; at most ${PICTURE_SIDE_MAX} pixels a side and ${Math.floor(PICTURE_PIXELS_MAX / 1e6)} megapixels are accepted`;
}

function videoFacts(stream: StreamReport): VideoFacts {
  return {
    codec: stream.codec_name ?? '',
    width: stream.width ?? 0,
    height: stream.height ?? 0,
    rotation: rotation(stream),
    sampleAspectRatio: sampleAspectRatio(stream.sample_aspect_ratio),
    frameRate: ratio(stream.avg_frame_rate, '/') ?? ratio(stream.r_frame_rate, '/'),
    interlaced: ['tt', 'bb', 'tb', 'bt'].includes(stream.field_order ?? ''),
    hdr: ['smpte2084', 'arib-std-b67'].includes(stream.color_transfer ?? ''),
  };
}

function audioFacts(stream: StreamReport): AudioFacts {
  const sampleRate = Number(stream.sample_rate ?? 0);
  return {
    codec: stream.codec_name ?? '',
    sampleRate: Number.isFinite(sampleRate) ? sampleRate : 0,
    channels: stream.channels ?? 0,
  };
}

/** ffprobe tells by how much the display matrix turns the picture anticlockwise; odd angles go to the nearest quarter. */
function rotation({ side_data_list: sideData = [] }: StreamReport): VideoFacts['rotation'] {
  const anticlockwise = sideData.find((entry) => entry.rotation !== undefined)?.rotation ?? 0;
  const quarters = ((-Math.round(anticlockwise / 90) % 4) + 4) % 4;
  return ([0, 90, 180, 270] as const)[quarters] ?? 0;
}

/** Beyond 4:1 a pixel shape is a damaged header, not a lens. */
const PIXEL_RATIO_MAX = 4;

function sampleAspectRatio(said: string | undefined): number {
  const value = ratio(said, ':') ?? 1;
  return value > PIXEL_RATIO_MAX || value < 1 / PIXEL_RATIO_MAX ? 1 : value;
}

function streamSpan(stream: StreamReport, fileStart: number, durationGuessed: boolean): StreamSpan {
  const frames = Number(stream.nb_frames ?? 0);
  return {
    index: stream.index,
    endSec: durationGuessed ? null : streamEnd(stream, fileStart),
    frames: Number.isInteger(frames) && frames > 0 ? frames : null,
  };
}

/** MP4 gives a stream's own duration; Matroska gives its end, as a tag. */
function streamEnd(stream: StreamReport, fileStart: number): number | null {
  const duration = seconds(stream.duration);
  if (duration !== null) return (seconds(stream.start_time) ?? fileStart) - fileStart + duration;
  const tagged = stream.tags?.DURATION ?? stream.tags?.['DURATION-eng'];
  const [, hours, minutes, rest] = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(tagged ?? '') ?? [];
  if (hours === undefined) return null;
  const end = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest) - fileStart;
  return end > 0 ? end : null;
}

function seconds(said: string | undefined): number | null {
  const value = Number.parseFloat(said ?? '');
  return Number.isFinite(value) && (value > 0 || said?.startsWith('-') === true) ? value : null;
}

/** `30000/1001` or `16:15`; null for `0/0`, `N/A` and nonsense. */
function ratio(said: string | undefined, separator: string): number | null {
  const [above, below] = (said ?? '').split(separator).map(Number);
  if (above === undefined || below === undefined) return null;
  const value = above / below;
  return Number.isFinite(value) && value > 0 ? value : null;
}
