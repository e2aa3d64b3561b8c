import { Failure } from '../telemetry/failure.js';

export type TranscodeFailureCode =
  | 'transcode.ffmpeg-missing'
  | 'transcode.ffmpeg-too-old'
  | 'transcode.ffmpeg-unusable'
  | 'transcode.encoder-unusable'
  | 'transcode.live-refused'
  | 'transcode.bad-feed'
  | 'transcode.scratch-folder';

export const INSTALL_FFMPEG = 'install ffmpeg 5.1 or newer: apt-get install ffmpeg';

export function transcodeFailure(
  code: TranscodeFailureCode,
  message: string,
  hint: string,
): Failure<TranscodeFailureCode> {
  return new Failure(code, message, { hint });
}
