import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame, VideoCodec } from '../media/frame.js';
import { lengthPrefixed } from './annex-b.js';
import { CaptionWatch } from './caption-watch.js';
import { captionUnit, constructs, PADDING, popOn, servicePacket } from './captions.fixture.js';
import { captionData, joinCaptions } from './captions.js';

const slice = (codec: VideoCodec) => Buffer.from(codec === 'h264' ? [0x41, 0x9a, 1, 2] : [0x02, 0x01, 0xd0, 2]);
const picture = (nals: readonly Buffer[], codec: VideoCodec = 'h264'): Frame => {
  return { track: 'video', codec, dts: 0, pts: 0, timescale: 1000, key: false, data: lengthPrefixed(nals) };
};
const captioned = (cc: Buffer, codec: 'h264' | 'hevc' = 'h264') =>
  picture([captionUnit(cc, codec), slice(codec)], codec);

describe('captions in pictures', () => {
  it.each(['h264', 'hevc'] as const)('are found in %s, as they are', (codec) => {
    const cc = constructs(popOn('HELLO')[0] ?? PADDING);
    expect(captionData(captioned(cc, codec))).toEqual(cc);
    expect(captionData(picture([slice(codec), captionUnit(cc, codec)], codec))).toBeNull();
    expect(captionData({ ...captioned(cc, codec), codec: 'vp8' })).toBeNull();
  });

  it('count from their second control code, each channel and service once', () => {
    const watch = new CaptionWatch();
    const look = (cc: Buffer) => watch.look(captioned(cc));
    const [first = PADDING, second = PADDING] = popOn('HELLO');
    expect(look(constructs(PADDING))).toBe(false);
    expect([look(constructs(first)), look(constructs(second)), look(constructs(first))]).toEqual([false, true, false]);
    const other = popOn('HI', 1)[0] ?? PADDING;
    expect([look(constructs(other, servicePacket(1))), look(constructs(other, servicePacket(1)))]).toEqual([
      false,
      true,
    ]);
    expect(watch.channels).toEqual({ cea608: [1, 2], cea708: [1] });
  });

  it('are not seen in padding, programme data, text mode or bytes of wrong parity', () => {
    const watch = new CaptionWatch();
    const nothing = [PADDING, [0x01, 0x83], [0x94, 0x2a], [0x14, 0x20], [0xc8, 0x45]];
    for (const line21 of [...nothing, ...nothing, ...nothing])
      expect(watch.look(captioned(constructs(line21)))).toBe(false);
    expect(watch.look(captioned(constructs(PADDING, [0xff, 0x02, 0x00])))).toBe(false);
  });

  it('join with those that were known', () => {
    const known = { cea608: [1], cea708: [] };
    expect(joinCaptions(null, known)).toEqual(known);
    expect(joinCaptions(known, { cea608: [1], cea708: [] })).toBeNull();
    expect(joinCaptions(known, { cea608: [3], cea708: [2] })).toEqual({ cea608: [1, 3], cea708: [2] });
  });

  it('are looked for in any bytes without a fault', () => {
    const watch = new CaptionWatch();
    const whole = captioned(constructs(PADDING, servicePacket(2))).data;
    const change = fc.record({ at: fc.nat(60), to: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 8 }),
        fc.nat(80),
        fc.constantFrom('h264', 'hevc'),
        (changes, cut, codec) => {
          const data = Buffer.from(whole);
          for (const { at, to } of changes) if (at < data.length) data[at] = to;
          watch.look({ ...captioned(constructs(PADDING)), codec, data: data.subarray(0, cut) });
          const { cea608, cea708 } = watch.channels;
          expect([...cea608, ...cea708.map((service) => service + 4)].every((each) => each >= 1 && each <= 10)).toBe(
            true,
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});
