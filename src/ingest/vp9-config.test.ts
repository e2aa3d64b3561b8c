import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foreignBytes, PICTURE } from './codecs.fixture.js';
import { recordClip } from './matroska/recorded-clip.fixture.js';
import { readVp9Config, readVp9KeyFrame, writeVp9Config } from './vp9-config.js';

async function encoded(...extra: string[]): Promise<Buffer[]> {
  const coder = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-pix_fmt', 'yuv420p', '-g', '5'];
  const clip = await recordClip('video', 'vp9', ...PICTURE, '-frames:v', '10', ...coder, ...extra);
  return clip.frames.map(({ data }) => data);
}

describe('a VP9 key frame', () => {
  it.each<[string, string[], object]>([
    ['in 4:2:0', [], { width: 160, height: 90, profile: 0, bitDepth: 8, chroma: 1 }],
    ['in 4:4:4', ['-pix_fmt', 'yuv444p'], { profile: 1, chroma: 3 }],
    ['in 4:2:2', ['-pix_fmt', 'yuv422p'], { profile: 1, chroma: 2 }],
    ['in ten bits', ['-pix_fmt', 'yuv420p10le'], { profile: 2, bitDepth: 10, width: 160 }],
    ['in twelve bits and 4:4:4', ['-pix_fmt', 'yuv444p12le'], { profile: 3, bitDepth: 12, chroma: 3, height: 90 }],
    ['of RGB', ['-pix_fmt', 'gbrp'], { profile: 1, chroma: 3, width: 160 }],
  ])('%s', async (_, extra, expected) => {
    expect(readVp9KeyFrame((await encoded(...extra))[0] ?? Buffer.alloc(0))).toMatchObject(expected);
  });

  it('is told from other frames, and all of one stream make one config', async () => {
    const frames = await encoded();
    const configs = frames.map((frame) => writeVp9Config(null, frame));
    expect(configs.map((config) => config !== null)).toEqual(frames.map((_, at) => at % 5 === 0));
    expect(configs[5]).toEqual(configs[0]);
  });

  it('lends its size to the vpcC of the source, which knows the transfer', async () => {
    const [key = Buffer.alloc(0)] = await encoded('-pix_fmt', 'yuv420p10le');
    const config = writeVp9Config(Buffer.from('020aa21010090000', 'hex').fill(16, 4, 5), key);
    expect(readVp9Config(config ?? Buffer.alloc(0))).toMatchObject({ width: 160, height: 90, hdr: true });
    expect(readVp9Config(writeVp9Config(null, key) ?? Buffer.alloc(0))).toMatchObject({ hdr: false });
  });

  it('never throws, whatever it claims', async () => {
    const [key = Buffer.alloc(0)] = await encoded();
    fc.assert(
      fc.property(foreignBytes(key.subarray(0, 20)), (bytes) => {
        const read = readVp9Config(writeVp9Config(bytes, bytes) ?? bytes);
        if (read !== null) expect(read.width * read.height).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
  });
});
