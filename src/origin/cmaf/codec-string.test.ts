import { execFileSync } from 'node:child_process';
import { createFile } from 'mp4box';
import { expect, it } from 'vitest';
import { GridLines } from './cut-lines.js';
import { Segmenter } from './segmenter.js';

/** A tenth of a second as fragmented MP4. */
function fragmented(coder: readonly string[]): Buffer {
  const source = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=0.2,format=yuv420p'];
  const mux = ['-f', 'mp4', '-movflags', '+cmaf+empty_moov+default_base_moof', 'pipe:1'];
  return execFileSync('ffmpeg', ['-v', 'error', ...source, '-c:v', ...coder, ...mux], { maxBuffer: 1 << 24 });
}

/** What mp4box, a parser that is not ours, calls the track. */
function oracle(bytes: Buffer): string | undefined {
  const file = createFile(true);
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer & {
    fileStart: number;
  };
  copy.fileStart = 0;
  file.appendBuffer(copy as Parameters<typeof file.appendBuffer>[0]);
  file.flush();
  return file.getInfo().tracks[0]?.codec;
}

it.each<[string, string[], RegExp]>([
  ['H.264', ['libx264', '-profile:v', 'high'], /^avc1\.6400[0-9a-f]{2}$/],
  ['HEVC', ['libx265', '-tag:v', 'hvc1', '-x265-params', 'log-level=error'], /^hvc1\.1\.6\.L\d+\.\S+$/],
  ['AV1', ['libsvtav1', '-preset', '12'], /^av01\.0\.\d\dM\.08$/],
])('%s is named as another parser names it', (_, coder, expected) => {
  const bytes = fragmented(coder);
  const segmenter = new Segmenter({
    ...{ kind: 'video', lines: new GridLines(2), timelineOffsetSec: 0, segmentBytesMax: 8 << 20 },
  });
  const codecs = [...segmenter.push(bytes)].flatMap((event) => (event.kind === 'init' ? [event.init.codecs] : []));
  expect(codecs).toEqual([expect.stringMatching(expected)]);
  // mp4box adds AV1's optional fields.
  expect(oracle(bytes)?.startsWith(codecs[0] ?? 'none')).toBe(true);
});
