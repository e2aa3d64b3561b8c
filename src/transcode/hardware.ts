/**
 * What this box can encode with, and how fast. Every answer comes from running the thing: ffmpeg lists encoders that
 * its hardware or drivers do not have.
 *
 * Nothing is kept here: the caller asks once at its start and passes the answers on.
 */
import type { VideoRendition } from '../media/rendition.js';
import type { Log } from '../telemetry/log.js';
import { SOFTWARE } from './encode-path.js';
import { type ChildFailed, runFfmpeg, runTool } from './ffmpeg-process.js';
import { INSTALL_FFMPEG, transcodeFailure } from './transcode-failure.js';
import { videoEncoderArgs } from './video-encoder.js';

export interface FfmpegVersion {
  /** As ffmpeg says it: `5.1.9-0+deb12u1`, `n6.1.1`, `N-109000-gabc`. */
  readonly text: string;
  /** `[major, minor]`, or null for a development build, which is taken to be new enough. */
  readonly release: readonly [major: number, minor: number] | null;
}

/** `-fps_mode` came with 5.1. */
const OLDEST: readonly [number, number] = [5, 1];

export interface HardwareOptions {
  readonly log: Log;
  /** Default `ffmpeg` from PATH. */
  readonly binary?: string;
  readonly signal?: AbortSignal;
}

/** @throws Failure `transcode.ffmpeg-missing`, `transcode.ffmpeg-too-old` or `transcode.ffmpeg-unusable`. */
export async function ffmpegVersion(options: HardwareOptions): Promise<FfmpegVersion> {
  const outcome = await runTool(options.binary ?? 'ffmpeg', ['-version'], { log: options.log, timeoutMs: 20_000 });
  if (!outcome.ok) throw unusable(outcome);
  const version = parseFfmpegVersion(outcome.stdout.toString());
  if (version === null) {
    throw transcodeFailure('transcode.ffmpeg-unusable', 'ffmpeg does not say its version', INSTALL_FFMPEG);
  }
  if (isOlder(version.release, OLDEST)) {
    const message = `ffmpeg ${version.text} is too old: ${OLDEST.join('.')} or newer is needed`;
    throw transcodeFailure('transcode.ffmpeg-too-old', message, INSTALL_FFMPEG);
  }
  return version;
}

function unusable(outcome: ChildFailed): Error {
  const missing = outcome.cause === 'missing';
  const code = missing ? 'transcode.ffmpeg-missing' : 'transcode.ffmpeg-unusable';
  return transcodeFailure(code, outcome.message, INSTALL_FFMPEG);
}

function isOlder(release: FfmpegVersion['release'], than: readonly [number, number]): boolean {
  if (release === null) return false;
  return release[0] < than[0] || (release[0] === than[0] && release[1] < than[1]);
}

/** Reads the first line of `ffmpeg -version`; null where it is not one. */
export function parseFfmpegVersion(output: string): FfmpegVersion | null {
  const text = /^ffmpeg version (\S+)/.exec(output)?.[1];
  if (text === undefined) return null;
  const numbers = /^n?(\d+)\.(\d+)/.exec(text);
  return { text, release: numbers === null ? null : [Number(numbers[1]), Number(numbers[2])] };
}

interface EncoderCandidate {
  readonly name: string;
  readonly kind: 'video' | 'audio';
  /** A complete encode of a fraction of a second, to nowhere. */
  readonly probeArgs: readonly string[];
}

export interface EncoderProbe {
  readonly name: string;
  readonly kind: 'video' | 'audio';
  readonly usable: boolean;
  /** Why not; empty where usable. */
  readonly message: string;
}

const NOWHERE = ['-f', 'null', '-'];
const ONE_PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-frames:v', '1'];
const SHORT_TONE = ['-f', 'lavfi', '-i', 'sine=sample_rate=48000:duration=0.1'];

/** Best first within each kind. */
const CANDIDATES: readonly EncoderCandidate[] = [
  { name: 'libx264', kind: 'video', probeArgs: [...ONE_PICTURE, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', ...NOWHERE] },
  { name: 'aac', kind: 'audio', probeArgs: [...SHORT_TONE, '-c:a', 'aac', ...NOWHERE] },
];

const PROBE_STALL_MS = 20_000;

/** Encodes one picture or a tenth of a second of sound with each encoder that we know how to use. */
export function probeEncoders(options: HardwareOptions): Promise<EncoderProbe[]> {
  return Promise.all(
    CANDIDATES.map(async ({ name, kind, probeArgs }) => {
      const outcome = await runFfmpeg(probeArgs, { ...options, stallMs: PROBE_STALL_MS }).done;
      return { name, kind, usable: outcome.ok, message: outcome.ok ? '' : outcome.message };
    }),
  );
}

const MEASURED: VideoRendition = {
  kind: 'video',
  id: 'v720',
  width: 1280,
  height: 720,
  frameRate: 30,
  bitrate: 3_000_000,
  maxBitrate: 3_750_000,
};
const MEASURED_FRAMES = 120;
// Half a second of a moving, grainy picture, made once and repeated: a smooth test picture flatters the encoder, and
// making grain for every frame would measure the grain.
const GRAIN = `testsrc2=size=${MEASURED.width}x${MEASURED.height}:rate=${MEASURED.frameRate},noise=alls=10:allf=t,format=yuv420p`;
const GRAINY = `${GRAIN},loop=loop=-1:size=15,trim=end_frame=${MEASURED_FRAMES}`;

/**
 * Luma pixels per second of wall time that live encoding sustains on this box as busy as it is now. Takes 1 to 3 s of
 * CPU on two cores.
 *
 * @throws Failure `transcode.encoder-unusable`
 */
export async function measureEncodeSpeed(options: HardwareOptions): Promise<number> {
  const encode = videoEncoderArgs(SOFTWARE, MEASURED, 2);
  const started = performance.now();
  const outcome = await runFfmpeg(['-f', 'lavfi', '-i', GRAINY, ...encode, ...NOWHERE], options).done;
  const seconds = (performance.now() - started) / 1000;
  if (!outcome.ok || outcome.frames === 0) {
    const message = outcome.ok ? 'ffmpeg encoded nothing' : outcome.message;
    throw transcodeFailure('transcode.encoder-unusable', `libx264 does not encode here: ${message}`, INSTALL_FFMPEG);
  }
  return Math.round((outcome.frames * MEASURED.width * MEASURED.height) / seconds);
}
