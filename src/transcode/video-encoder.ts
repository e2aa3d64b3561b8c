/** How one rung is encoded, live: no picture waits for a later one, and keys stand only where they are asked for. Pure. */
import type { LadderCodec, VideoRendition } from '../media/rendition.js';
import type { EncodePath } from './encode-path.js';

/** The rung's encoder and its settings on that path. Codecs besides H.264 exist on paths that encode on a GPU alone. */
export function videoEncoderArgs(path: EncodePath, rung: VideoRendition, segmentSec: number): string[] {
  const codec = rung.codec ?? 'h264';
  const interval = Math.ceil(rung.frameRate * segmentSec * 4);
  return [
    ...['-c:v', encoderName(path, codec), ...settings(path, codec, rung)],
    ...['-bf', '0', '-g', String(interval)],
    ...['-b:v', String(rung.bitrate), '-maxrate', String(rung.maxBitrate), '-bufsize', String(rung.maxBitrate)],
    // Players of CMAF ask for parameter sets in the header alone (ISO/IEC 14496-15 §8.4.1).
    ...(codec === 'hevc' ? ['-tag:v', 'hvc1'] : []),
  ];
}

function encoderName(path: EncodePath, codec: LadderCodec): string {
  if (path.kind === 'software' || path.kind === 'nvdec') return 'libx264';
  return `${codec}_${path.kind}`;
}

const PROFILES: Readonly<Record<LadderCodec, readonly string[]>> = {
  h264: ['-profile:v', 'high'],
  hevc: ['-profile:v', 'main'],
  av1: [],
};

function settings(path: EncodePath, codec: LadderCodec, rung: VideoRendition): string[] {
  const profile = PROFILES[codec];
  switch (path.kind) {
    case 'nvenc': {
      const gpu = path.decodes ? [] : ['-gpu', String(path.gpu)];
      const keys = ['-no-scenecut', '1', '-forced-idr', '1'];
      return ['-preset', 'p4', '-tune', 'll', '-rc', 'vbr', ...profile, ...gpu, ...keys, '-delay', '0'];
    }
    case 'qsv': {
      const ahead = codec === 'h264' ? ['-look_ahead', '0'] : [];
      return ['-preset', 'veryfast', ...profile, ...ahead, '-async_depth', '1', '-forced_idr', '1'];
    }
    case 'vaapi':
      return ['-rc_mode', 'VBR', ...profile, '-async_depth', '1'];
    default:
      return [
        ...['-preset', 'veryfast', '-tune', 'zerolatency', ...profile],
        ...['-threads', encodeThreads(rung), '-sc_threshold', '0'],
      ];
  }
}

/** With this tuning each thread is a slice, and slices cost bits: few for small pictures, never a big box's 48. */
function encodeThreads(rung: VideoRendition): string {
  const pixels = rung.width * rung.height;
  if (pixels <= 960 * 540) return '2';
  return pixels <= 1920 * 1080 ? '4' : '8';
}
