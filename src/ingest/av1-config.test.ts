import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAv1Config } from './av1-config.js';
import { foreignBytes, PICTURE } from './codecs.fixture.js';
import { recordClip } from './matroska/recorded-clip.fixture.js';

async function encoded(...extra: string[]): Promise<Buffer> {
  const coder = ['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-pix_fmt', 'yuv420p'];
  const clip = await recordClip('video', 'av1', ...PICTURE, '-frames:v', '2', ...coder, ...extra);
  return clip.config.data;
}

const plain = { width: 160, height: 90, sampleAspectRatio: 1, frameRate: null, interlaced: false, hdr: false };

describe('AV1 as the encoder writes it', () => {
  it.each<[string, string[], object]>([
    ['eight bits', [], plain],
    ['another size', ['-vf', 'scale=426:238'], { width: 426, height: 238 }],
    ['4:4:4', ['-pix_fmt', 'yuv444p'], plain],
    ['4:2:2', ['-pix_fmt', 'yuv422p'], plain],
    ['a rate of its own', ['-aom-params', 'timing-info=constant'], { frameRate: 25 }],
    ['a decoder model', ['-aom-params', 'timing-info=model'], { width: 160, height: 90 }],
    [
      'PQ in ten bits',
      ['-pix_fmt', 'yuv420p10le', '-color_trc', 'smpte2084', '-color_primaries', 'bt2020', '-colorspace', 'bt2020nc'],
      { ...plain, hdr: true },
    ],
    ['HLG', ['-pix_fmt', 'yuv420p10le', '-color_trc', 'arib-std-b67'], { hdr: true }],
  ])('%s', async (_, extra, expected) => {
    expect(readAv1Config(await encoded(...extra))).toMatchObject(expected);
  });
});

describe('an AV1 configuration', () => {
  it('without its sequence header says nothing', async () => {
    expect(readAv1Config((await encoded()).subarray(0, 4))).toBeNull();
  });

  it('never throws, whatever it claims', async () => {
    fc.assert(
      fc.property(foreignBytes(await encoded()), (bytes) => {
        const read = readAv1Config(Buffer.concat([Buffer.from([0x81]), bytes.subarray(1)]));
        if (read !== null) expect(read.width * read.height).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
  });
});
