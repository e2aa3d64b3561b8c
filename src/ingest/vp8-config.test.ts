import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foreignBytes, PICTURE } from './codecs.fixture.js';
import { recordClip } from './matroska/recorded-clip.fixture.js';
import { readVp8KeyFrame, writeVp8Config } from './vp8-config.js';

describe('a VP8 key frame', () => {
  it('is told from other frames, and all of one stream make one config', async () => {
    const coder = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '5'];
    const clip = await recordClip('video', 'vp8', ...PICTURE, '-frames:v', '10', ...coder);
    const configs = clip.frames.map(({ data }) => writeVp8Config(data));
    expect(configs.map((config) => config !== null)).toEqual(clip.frames.map((_, at) => at % 5 === 0));
    expect(configs[5]).toEqual(configs[0]);
    expect(readVp8KeyFrame(configs[0] ?? Buffer.alloc(0))).toMatchObject({ width: 160, height: 90 });
  });

  it('has its scaling hints beside its size', () => {
    const frame = Buffer.from('1002009d012a80428087', 'hex');
    expect(readVp8KeyFrame(frame)).toMatchObject({ width: 640, height: 1920 });
  });

  it('never throws, whatever it claims', () => {
    fc.assert(
      fc.property(foreignBytes(Buffer.from('1002009d012a800268010099', 'hex')), (bytes) => {
        const read = readVp8KeyFrame(writeVp8Config(bytes) ?? bytes);
        if (read !== null) expect(read.width * read.height).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });
});
