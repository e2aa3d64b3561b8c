/** Which ffmpeg and which ffprobe: the two belong together and come from one folder. Pure. */
import { dirname, join } from 'node:path';

export interface MediaTools {
  readonly ffmpeg: string;
  readonly ffprobe: string;
}

/** `ffmpeg` is a path, or a name to look for in PATH. */
export function mediaTools(ffmpeg = 'ffmpeg'): MediaTools {
  return { ffmpeg, ffprobe: ffmpeg.includes('/') ? join(dirname(ffmpeg), 'ffprobe') : 'ffprobe' };
}
