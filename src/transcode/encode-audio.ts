/** Encodes a file's sound by two ffmpegs with a pipe between them; `vod-command.ts` says why there are two. */
import { pipeline } from 'node:stream/promises';
import type { AudioRendition } from '../media/rendition.js';
import { type FfmpegOptions, type FfmpegOutcome, runFfmpeg } from './ffmpeg-process.js';
import { type VodSource, vodAudioDecodeCommand, vodAudioEncodeCommand } from './vod-command.js';

export async function encodeAudio(
  source: VodSource,
  rendition: AudioRendition,
  output: string,
  options: FfmpegOptions,
): Promise<FfmpegOutcome> {
  const { onProgress: _, ...quiet } = options;
  const decoder = runFfmpeg(vodAudioDecodeCommand(source, rendition), { ...quiet, outputs: 1 });
  const encoder = runFfmpeg(vodAudioEncodeCommand(source, rendition, output), { ...options, stdin: 'pipe' });
  const [pcm] = decoder.outputs;
  if (pcm !== undefined && encoder.stdin !== null) {
    // Either end's death breaks the pipe; the outcomes tell which it was.
    await pipeline(pcm, encoder.stdin).catch(() => {});
  }
  const [decoded, encoded] = await Promise.all([decoder.done, encoder.done]);
  return worseOf(decoded, encoded);
}

/** An encoder without input calls it bad; a decoder whose reader is gone just fails: the one with a real cause counts. */
function worseOf(decoded: FfmpegOutcome, encoded: FfmpegOutcome): FfmpegOutcome {
  if (!encoded.ok && encoded.cause !== 'bad-input' && encoded.cause !== 'other') return encoded;
  return decoded.ok ? encoded : decoded;
}
