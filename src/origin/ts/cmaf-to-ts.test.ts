import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { OriginFailure } from '../failure.js';
import { type CmafClip, decoded, pictureClip, probedPackets, soundClip } from './cmaf-clip.fixture.js';
import { cmafToTs } from './cmaf-to-ts.js';
import { StrictTsReader } from './ts-reader.fixture.js';

const H264 = ['libx264', '-preset', 'veryfast', '-bf', '2', '-sc_threshold', '0'];
const HEVC = ['libx265', '-preset', 'ultrafast', '-tag:v', 'hvc1', '-x265-params', 'log-level=error:repeat-headers=0'];
const AAC = ['aac', '-ac', '2', '-b:a', '96k'];

let h264: CmafClip;
let aac: CmafClip;

beforeAll(async () => {
  [h264, aac] = await Promise.all([pictureClip(...H264), soundClip(...AAC)]);
});

function segmentsOf(...clips: readonly CmafClip[]): Buffer[] {
  const count = Math.max(...clips.map(({ segments }) => segments.length));
  return Array.from({ length: count }, (_, index) =>
    cmafToTs(clips.map(({ init, segments }) => ({ init, segment: segments[index] ?? null }))),
  );
}

/** Of the NAL units behind the start codes of an H.264 byte stream. */
function nalTypes(stream: Buffer): number[] {
  const types: number[] = [];
  const startCode = Buffer.from([0, 0, 1]);
  for (let at = stream.indexOf(startCode); at >= 0; at = stream.indexOf(startCode, at + 3)) {
    types.push(stream.readUInt8(at + 3) & 0x1f);
  }
  return types;
}

describe('CMAF as MPEG-TS', () => {
  it('is decoded to the same pictures and the same sound, reordering and all, without a word of warning', async () => {
    const ts = Buffer.concat(segmentsOf(h264, aac));
    for (const [stream, clip] of [['v', h264] as const, ['a', aac] as const]) {
      const expected = await decoded(clip.whole, stream);
      expect(expected.length).toBeGreaterThanOrEqual(150);
      expect(await decoded(ts, stream)).toEqual(expected);
    }
  });

  it('keeps times, keys and counters over segments that were made one by one', async () => {
    const segments = segmentsOf(h264, aac);
    const { pes, streams } = new StrictTsReader().read(Buffer.concat(segments));
    expect([...streams]).toEqual([
      [0x100, 0x1b],
      [0x101, 0x0f],
    ]);
    const pictures = pes.filter(({ pid }) => pid === 0x100);
    expect(pictures).toHaveLength(150);
    expect(pictures.flatMap(({ randomAccess }, index) => (randomAccess ? [index] : []))).toEqual([0, 50, 100]);
    for (const { pts, dts } of pes) expect(pts).toBeGreaterThanOrEqual(dts);
    const packets = (await probedPackets(Buffer.concat(segments))).filter(({ codec_type }) => codec_type === 'video');
    const source = (await probedPackets(h264.whole)).filter(({ codec_type }) => codec_type === 'video');
    expect(packets[0]?.pts).toBe(900_000);
    // 12,800 ticks a second are what ffmpeg's MP4 has for 25 pictures, and its reader puts all of them a picture later.
    const in90k = source.map((packet) => [packet.pts, packet.dts].map((time) => Math.round(time * 7.03125) - 3_600));
    expect(packets.map(({ pts, dts }) => [pts, dts])).toEqual(in90k);
    // What is left of the sound behind the last picture makes a fourth.
    for (const segment of segments.slice(0, 3)) {
      const alone = new StrictTsReader().read(segment);
      expect(alone.pes.find(({ pid }) => pid === 0x100)?.randomAccess).toBe(true);
    }
  });

  it('puts a delimiter before each picture and the parameter sets before each key', () => {
    const { pes } = new StrictTsReader().read(Buffer.concat(segmentsOf(h264)));
    for (const { payload, randomAccess } of pes) {
      const types = nalTypes(payload);
      expect(types.slice(0, randomAccess ? 3 : 1)).toEqual(randomAccess ? [9, 7, 8] : [9]);
      expect(types.filter((type) => type === 9)).toHaveLength(1);
    }
  });

  it('carries HEVC, MP3, and sound alone', async () => {
    const [hevc, mp3] = await Promise.all([pictureClip(...HEVC), soundClip('libmp3lame', '-ac', '2')]);
    const ts = Buffer.concat(segmentsOf(hevc, mp3));
    expect([...new StrictTsReader().read(ts).streams.values()]).toEqual([0x24, 0x03]);
    expect(await decoded(ts, 'v')).toEqual(await decoded(hevc.whole, 'v'));
    expect((await probedPackets(ts)).some(({ flags }) => flags.includes('C'))).toBe(false);
    const alone = Buffer.concat(segmentsOf(aac));
    expect(await decoded(alone, 'a')).toEqual(await decoded(aac.whole, 'a'));
    expect(new StrictTsReader().read(alone).clockPid).toBe(0x101);
  });

  it('goes on with the sound where a slot has no picture, and with the picture where it has no sound', () => {
    const [pictures, sound] = [h264.segments, aac.segments];
    const pairs = [
      [pictures[0], sound[0]],
      [null, sound[1]],
      [pictures[2], null],
    ];
    const ts = pairs.map(([picture = null, tone = null]) =>
      cmafToTs([
        { init: h264.init, segment: picture },
        { init: aac.init, segment: tone },
      ]),
    );
    const { pes, clocks } = new StrictTsReader().read(Buffer.concat(ts));
    expect(pes.filter(({ pid }) => pid === 0x100)).toHaveLength(100);
    const steps = clocks.slice(1).map(({ ticks }, index) => ticks - (clocks[index]?.ticks ?? 0));
    expect(Math.min(...steps)).toBeGreaterThan(0);
  });

  it('refuses bytes that are no CMAF, however they are broken', () => {
    const good = h264.segments[0] ?? Buffer.alloc(0);
    for (const bad of [good.subarray(0, -1), good.subarray(8), Buffer.alloc(20), Buffer.alloc(0)]) {
      expect(() => cmafToTs([{ init: h264.init, segment: bad }])).toThrow(/box|fragment|media/);
    }
    expect(() => cmafToTs([{ init: Buffer.alloc(0), segment: good }])).toThrow(/ftyp/);
  });

  it('makes whole packets, or a failure that says why, of any damage', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const clips = [h264, aac];
    fc.assert(
      fc.property(damage, fc.nat(1), fc.boolean(), (hits, index, inHeader) => {
        const { init, segments } = clips[index] ?? h264;
        const [bytes, other] = [Buffer.from(inHeader ? init : (segments[0] ?? init)), inHeader ? segments[0] : init];
        // The tables are at the front of either.
        for (const [at, value] of hits) bytes[at % Math.min(bytes.length, 1_500)] = value;
        const pieces = inHeader ? { init: bytes, segment: other ?? null } : { init: other ?? bytes, segment: bytes };
        try {
          expect(cmafToTs([pieces]).length % 188).toBe(0);
        } catch (error) {
          expect(error).toBeInstanceOf(OriginFailure);
        }
      }),
      { numRuns: 400 },
    );
  });
});
