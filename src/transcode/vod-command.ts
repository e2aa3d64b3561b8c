/**
 * The ffmpeg arguments that encode one rendition of an uploaded file into one MP4. Pure.
 *
 * What every rendition of a video agrees on, whichever box encodes it and when:
 * - time zero is the start of the file's earliest stream; a stream that starts later is padded (the first picture is
 *   held, silence is put before the sound), so that all renditions start at exactly 0 and stay in step;
 * - key frames fall on the same grid of `KEY_INTERVAL_SEC`, and no group of pictures refers outside itself;
 * - one constant frame rate, square pixels, upright, 8 bits 4:2:0, at most two channels.
 */
import type { AudioRendition, VideoRendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import { untrustedInput } from './untrusted-input.js';

export const KEY_INTERVAL_SEC = 2;

export type X264Preset = 'ultrafast' | 'superfast' | 'veryfast' | 'faster' | 'fast' | 'medium' | 'slow' | 'slower';

export interface VodSource {
  readonly path: string;
  readonly facts: SourceFacts;
  readonly videoStreamIndex: number | null;
  readonly audioStreamIndex: number | null;
  /** When the longest stream ends, in seconds. */
  readonly durationSec: number;
}

export interface VideoEncodeOptions {
  readonly preset: X264Preset;
  /** Whether this ffmpeg has `zscale`; without it HDR is converted without tone mapping and looks pale. */
  readonly zscale: boolean;
}

/** Throws where the source has no picture: nobody plans such a job. */
export function vodVideoCommand(
  source: VodSource,
  rendition: VideoRendition,
  output: string,
  options: VideoEncodeOptions,
): string[] {
  const { videoStreamIndex: index, facts } = source;
  if (index === null || facts.video === null) throw new Error('a video rendition of a source without video');
  return [
    ...untrustedInput(source.path),
    ...chosenStream(index),
    ...['-vf', videoFilters(facts.video, rendition, options.zscale).join(',')],
    ...['-r', rateFraction(rendition.frameRate), '-fps_mode', 'cfr'],
    ...x264(rendition, options.preset),
    ...(facts.video.hdr ? BT709_TAGS : []),
    ...['-video_track_timescale', '90000'],
    ...mp4Output(source, output),
    ...alongside(source, source.audioStreamIndex),
  ];
}

/**
 * Sound is encoded by two ffmpegs with a pipe between them: this one decodes, and writes uniform PCM with its time
 * stamps to `pipe:3` (NUT). A broadcast recording changes from stereo to 5.1 midway; then the filters start anew, and a
 * filter that pads the beginning with silence would do so again in the middle. So only the second ffmpeg pads.
 *
 * Throws where the source has no sound: nobody plans such a job.
 */
export function vodAudioDecodeCommand(source: VodSource, rendition: AudioRendition): string[] {
  const { audioStreamIndex: index } = source;
  if (index === null) throw new Error('an audio rendition of a source without audio');
  return [
    ...untrustedInput(source.path),
    ...chosenStream(index),
    ...['-af', `aresample=${rendition.sampleRate}:async=1`],
    ...['-c:a', 'pcm_s16le', '-ar', String(rendition.sampleRate), '-ac', String(rendition.channels)],
    ...[...limit(source), '-f', 'nut', 'pipe:3'],
    ...alongside(source, source.videoStreamIndex),
  ];
}

/** The second half: PCM from stdin, its time stamps kept, to AAC in an MP4 that starts at 0. */
export function vodAudioEncodeCommand(source: VodSource, rendition: AudioRendition, output: string): string[] {
  return [
    ...['-copyts', '-f', 'nut', '-i', 'pipe:0', '-map', '0:0', '-map_metadata', '-1'],
    ...['-af', audioFilters(rendition).join(',')],
    ...['-c:a', 'aac', '-b:a', String(rendition.bitrate)],
    ...['-ar', String(rendition.sampleRate), '-ac', String(rendition.channels)],
    ...['-use_editlist', '0'],
    ...mp4Output(source, output),
  ];
}

/** Chapters, tags and subtitles are not copied into a rendition. */
function chosenStream(index: number): string[] {
  return ['-map', `0:${index}`, '-map_metadata', '-1', '-map_chapters', '-1', '-sn', '-dn'];
}

/**
 * How far an output may grow past its source, in seconds, before it is cut off: a broken time stamp is no reason to fill
 * the disk. Not less, since measuring one stream alone can miss by how much it started after the other.
 */
const OVERRUN_SEC = 5;

const limit = (source: VodSource) => ['-t', (source.durationSec + OVERRUN_SEC).toFixed(3)];

function mp4Output(source: VodSource, output: string): string[] {
  return [...limit(source), '-f', 'mp4', '-y', `file:${output}`];
}

/**
 * Reads the other stream too, without decoding it, into nothing. ffmpeg takes time zero (and its repair of MPEG-TS
 * clock jumps) from the streams in use: so audio and video, encoded apart, see the same clock.
 */
function alongside(source: VodSource, index: number | null): string[] {
  return index === null ? [] : ['-map', `0:${index}`, '-c', 'copy', ...limit(source), '-f', 'null', '-'];
}

/**
 * ffmpeg turns the picture upright before the first of these. The frame rate is made constant after the filters
 * (`-fps_mode cfr`), not by `fps`: when a stream changes its size midway the filters start anew, and `fps` would
 * start again from time zero.
 */
function videoFilters(facts: NonNullable<SourceFacts['video']>, rendition: VideoRendition, zscale: boolean): string[] {
  const { width, height } = rendition;
  const deinterlace = facts.interlaced ? ['bwdif=mode=send_frame:deint=interlaced'] : [];
  const scale = `scale=${width}:${height}:flags=bicubic`;
  const tail = ['format=yuv420p', 'setsar=1'];
  if (facts.hdr && zscale) return [...deinterlace, scale, ...TONE_MAP, ...tail];
  return [...deinterlace, `${scale}:out_range=tv`, ...tail];
}

/** PQ or HLG, BT.2020 → linear light → BT.709 primaries → tones compressed → BT.709 transfer, limited range. */
const TONE_MAP = [
  'zscale=transfer=linear:npl=100',
  'format=gbrpf32le',
  'zscale=primaries=bt709',
  'tonemap=tonemap=hable:desat=0',
  'zscale=transfer=bt709:matrix=bt709:range=limited',
];
const BT709_TAGS = ['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709'];

/** Constant quality under a ceiling: plain pictures take less than the rung allows, busy ones no more. */
const QUALITY_CRF = 21;
/** How many seconds of the ceiling the decoder's buffer holds. */
const BUFFER_SEC = 1.5;

function x264(rendition: VideoRendition, preset: X264Preset): string[] {
  // Forced keys come every 2 s; a longest group of four keeps x264's own out of the way.
  const longestGop = Math.ceil(rendition.frameRate * KEY_INTERVAL_SEC * 2);
  return [
    ...['-c:v', 'libx264', '-preset', preset, '-profile:v', 'high', '-crf', String(QUALITY_CRF)],
    ...['-maxrate', String(rendition.maxBitrate), '-bufsize', String(Math.round(rendition.maxBitrate * BUFFER_SEC))],
    ...['-g', String(longestGop), '-sc_threshold', '0', '-force_key_frames', KEY_EXPRESSION],
    ...['-flags', '+cgop'],
  ];
}

/** A key frame at the first frame at or past each line of the grid; the millisecond forgives rounded time stamps. */
const KEY_EXPRESSION = `expr:if(isnan(prev_forced_t),1,gt(floor((t+0.001)/${KEY_INTERVAL_SEC}),floor((prev_forced_t+0.001)/${KEY_INTERVAL_SEC})))`;

/** Samples that an AAC-LC encoder puts before the first of the source (ISO/IEC 14496-3 §4.5.2). */
const AAC_PRIMING_SAMPLES = 1024;

/**
 * The encoder's priming delays the sound by one frame, which an edit list would take back, if every player read it.
 * Leaving out the source's first 21 ms instead puts every later sample at its exact time without one.
 */
function audioFilters(rendition: AudioRendition): string[] {
  return [
    `aresample=${rendition.sampleRate}:async=1:first_pts=0`,
    `atrim=start_sample=${AAC_PRIMING_SAMPLES}`,
    `asetpts=PTS-${AAC_PRIMING_SAMPLES}/SR/TB`,
  ];
}

/** A rate as ffmpeg takes it exactly: 29.97… is 30000/1001, not 2997/100. */
export function rateFraction(rate: number): string {
  const drop = Math.round(rate * 1.001) * 1000;
  if (Math.abs(rate - drop / 1001) < 0.0005) return `${drop}/1001`;
  return `${Math.round(rate * 1000)}/1000`;
}
