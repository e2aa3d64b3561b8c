/**
 * How ffmpeg and ffprobe are told to open a file that a stranger sent us.
 *
 * Three fences: only local files (no network), only formats that hold their own media (a playlist, a concat script or a
 * picture sequence makes ffmpeg open whatever other files it names), and no picture so large that decoding it eats the box.
 */

/** Demuxers whose bytes are all inside the one file. Names as `ffmpeg -demuxers` prints them; any alias of a demuxer will do. */
const SELF_CONTAINED_FORMATS = [
  'mov',
  'matroska',
  'mpegts',
  'mpeg',
  'avi',
  'flv',
  'asf',
  'mxf',
  'ogg',
  'dv',
  'ivf',
  'wav',
  'w64',
  'aiff',
  'flac',
  'mp3',
  'aac',
  'ac3',
  'eac3',
  'caf',
  'amr',
] as const;

/** The longest side, in pixels, of a picture that is accepted. */
export const PICTURE_SIDE_MAX = 8192;
/** The most pixels in one picture: 8192 × 4352, the largest that H.264 level 6.2 knows (ITU-T H.264 table A-1). */
export const PICTURE_PIXELS_MAX = 8192 * 4352;

/** Options that stand before `-i`, for ffprobe and ffmpeg alike. */
function fences(): string[] {
  return ['-protocol_whitelist', 'file', '-format_whitelist', SELF_CONTAINED_FORMATS.join(',')];
}

/** ffprobe arguments that open `path` within the fences. */
export function untrustedProbeInput(path: string): string[] {
  return [...fences(), '-i', `file:${path}`];
}

/** ffmpeg arguments that open `path` within the fences; `options` are further input options (`-ss`, …). */
export function untrustedInput(path: string, options: readonly string[] = []): string[] {
  return [...fences(), '-max_pixels', String(PICTURE_PIXELS_MAX), ...options, '-i', `file:${path}`];
}
