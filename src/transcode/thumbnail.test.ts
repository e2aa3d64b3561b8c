import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { thumbnailOf } from './thumbnail.js';

/** Two seconds of red, of green and of blue: fragments of two seconds, with a key every second. */
const colours = 'color=red:s=640x360:r=25:d=2[a];color=lime:s=640x360:r=25:d=2[b];color=blue:s=640x360:r=25:d=2[c]';
const fragmented = (): Buffer =>
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-filter_complex', `${colours};[a][b][c]concat=n=3,format=yuv420p`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-frag_duration', '2000000'],
    ...['-movflags', 'empty_moov+default_base_moof', '-f', 'mp4', 'pipe:1'],
  ]);
const tile = { width: 160, height: 90 };
const layout = (columns: number, rows: number, pictures: number) => ({ tile, columns, rows, pictures });

/** Red, green and blue of the middle of each tile of a row. */
function middlesOf(jpeg: Buffer, columns: number): number[][] {
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
  const pixels = execFileSync('ffmpeg', ['-v', 'error', '-f', 'mjpeg', '-i', 'pipe:0', ...raw], { input: jpeg });
  const middle = (column: number) => 3 * (45 * columns * 160 + column * 160 + 80);
  return Array.from({ length: columns }, (_, at) => [...pixels.subarray(middle(at), middle(at) + 3)]);
}

it('is a small JPEG of the first key picture; there is none in what is no media', async () => {
  const single = { layout: layout(1, 1, 1), apartSec: 10 };
  const picture = await thumbnailOf({ media: fragmented(), ...single }, 'ffmpeg', silentLog);
  expect(picture?.subarray(0, 3).toString('hex')).toBe('ffd8ff');
  expect(picture?.length).toBeLessThan(20_000);
  // SOF0: height and width.
  const frame = picture?.indexOf(Buffer.from([0xff, 0xc0])) ?? -1;
  expect([picture?.readUInt16BE(frame + 5), picture?.readUInt16BE(frame + 7)]).toEqual([90, 160]);
  expect(await thumbnailOf({ media: Buffer.alloc(1000), ...single }, 'ffmpeg', silentLog)).toBeNull();
});

it('is a sheet of the first key picture of each fragment, whatever other keys there are', async () => {
  const request = { media: fragmented(), layout: layout(3, 1, 3), apartSec: 2 };
  const sheet = await thumbnailOf(request, 'ffmpeg', silentLog);
  const brightest = middlesOf(sheet ?? Buffer.alloc(0), 3).map((colour) => colour.indexOf(Math.max(...colour)));
  expect(brightest).toEqual([0, 1, 2]);
});
