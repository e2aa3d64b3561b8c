import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTrackFacts } from '../source-facts.js';
import { ClipFolder, type Demuxed, demux, PacketWriter, probePackets } from './ts.fixture.js';

const VIDEO = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25'];
const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
const X264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25', '-bf', '2', '-pix_fmt', 'yuv420p'];
const AAC = ['-c:a', 'aac', '-b:a', '96k', '-ac', '2'];

let clips: ClipFolder;
/** Two seconds of H.264 with B-frames and AAC. */
let plain: Buffer;

beforeAll(async () => {
  clips = await ClipFolder.open();
  plain = await clips.ts('plain.ts', ...VIDEO, ...TONE, '-t', '2', ...X264, ...AAC);
});

afterAll(() => clips.close());

const hash = (data: Buffer) => `MD5:${createHash('md5').update(data).digest('hex')}`;
const rises = (values: number[]) => values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0));
const outline = (out: Demuxed) =>
  out.frames.map(({ track, dts, pts, key, data }) => [track, dts, pts, key, hash(data)]);

/** The same coded frames in MP4, where they look as ours must, and in a transport stream. */
async function roundTrip(name: string, args: string[]): Promise<{ out: Demuxed; mp4: string; ts: string }> {
  const mp4 = clips.file(`${name}.mp4`);
  await clips.ffmpeg(...args, '-strict', '-2', mp4);
  const out = demux(await clips.ts(`${name}.ts`, '-i', mp4, '-c', 'copy'));
  return { out, mp4, ts: clips.file(`${name}.ts`) };
}

describe('what ffmpeg writes', () => {
  it.each([
    ['h264', 'aac', [...X264, ...AAC]],
    ['h264', 'mp3', [...X264, '-c:a', 'libmp3lame', '-b:a', '96k']],
    ['h264', 'opus', [...X264, '-c:a', 'libopus', '-b:a', '96k', '-ac', '2']],
    [
      'hevc',
      'aac',
      [
        '-c:v',
        'libx265',
        '-preset',
        'ultrafast',
        '-x265-params',
        'log-level=none:keyint=25:bframes=2:repeat-headers=0:info=0',
        '-tag:v',
        'hvc1',
        ...AAC,
      ],
    ],
  ])('%s and %s come out frame for frame, byte for byte, at their times', async (video, audio, codecs) => {
    const { out, mp4, ts } = await roundTrip(`${video}-${audio}`, [...VIDEO, ...TONE, '-t', '2', ...codecs]);
    expect(out.faults).toEqual([]);
    expect(out.configs.map(({ codec }) => codec).sort()).toEqual([audio, video].sort());
    const coded = await probePackets(mp4);
    const carried = await probePackets(ts);
    for (const track of ['video', 'audio'] as const) {
      const frames = out.of(track);
      const times = carried.filter((packet) => packet.codec_type === track);
      expect(frames.map(({ data }) => hash(data))).toEqual(
        coded.filter((packet) => packet.codec_type === track).map(({ data_hash }) => data_hash),
      );
      expect(frames.map(({ pts }) => pts)).toEqual(times.map(({ pts }) => expect.closeTo(pts, -0.7)));
      expect(frames.map(({ dts }) => dts)).toEqual(times.map(({ dts }) => expect.closeTo(dts, -0.7)));
      expect(frames.map(({ key }) => key)).toEqual(times.map(({ flags }) => flags.startsWith('K')));
      expect(rises(frames.map(({ dts }) => dts))).toBe(true);
    }
    for (const config of out.configs) expect(readTrackFacts(config)).toMatchObject({ ok: true });
    expect(out.demuxer.damage).toEqual({ continuityErrors: 0, syncLosses: 0, damagedSections: 0, damagedUnits: 0 });
  });

  it.each([
    ['MPEG-2 video', ['-c:v', 'mpeg2video', ...AAC]],
    ['AC-3', [...X264, '-c:a', 'ac3']],
    ['E-AC-3', [...X264, '-c:a', 'eac3']],
    ['MPEG audio layer 2', [...X264, '-c:a', 'mp2']],
    ['AAC in LATM', [...X264, ...AAC, '-mpegts_flags', 'latm']],
  ])('%s is refused by name', async (name, codecs) => {
    const out = demux(await clips.ts('refused.ts', ...VIDEO, ...TONE, '-t', '1', ...codecs));
    expect(out.faults).toEqual([expect.stringMatching(new RegExp(`^${name} is not supported: send `))]);
  });

  it('may lack a track, or carry more than are used', async () => {
    expect(demux(await clips.ts('v.ts', ...VIDEO, '-t', '1', ...X264)).of('video')).toHaveLength(25);
    expect(demux(await clips.ts('a.ts', ...TONE, '-t', '1', ...AAC)).of('audio')).toHaveLength(48);
    const maps = ['-map', '0:v', '-map', '1:a', '-map', '0:v', '-map', '1:a'];
    const many = demux(await clips.ts('many.ts', ...VIDEO, ...TONE, ...maps, '-t', '1', ...X264, ...AAC));
    expect(many.of('video')).toHaveLength(25);
    expect(many.of('audio')).toHaveLength(48);
  });

  it('gives the same whatever it is cut into', () => {
    const whole = outline(demux(plain));
    const cuts = fc.uniqueArray(fc.integer({ min: 0, max: plain.length }), { maxLength: 60 });
    fc.assert(
      fc.property(cuts, (places) => {
        expect(
          outline(
            demux(
              plain,
              places.sort((a, b) => a - b),
            ),
          ),
        ).toEqual(whole);
      }),
      { numRuns: 25 },
    );
  });

  it('goes on after garbage between packets, and counts it', () => {
    const middle = 188 * Math.floor(plain.length / 376);
    const garbage = Buffer.alloc(1000, 0x47);
    garbage.fill(0x12, 300);
    const out = demux(Buffer.concat([plain.subarray(0, middle), garbage, plain.subarray(middle)]));
    expect(out.demuxer.damage.syncLosses).toBeGreaterThan(0);
    expect(out.of('video').length).toBeGreaterThanOrEqual(45);
  });

  it('leaves out what lost packets have damaged, and counts that', () => {
    const kept = Array.from({ length: plain.length / 188 }, (_, index) =>
      plain.subarray(index * 188, index * 188 + 188),
    );
    const at = Math.floor(kept.length / 2);
    const whole = demux(plain);
    const out = demux(Buffer.concat(kept.filter((_, index) => index < at || index >= at + 7)));
    expect(out.demuxer.damage.continuityErrors).toBeGreaterThan(0);
    const known = new Set(whole.frames.map(({ data }) => hash(data)));
    expect(out.frames.every(({ data }) => known.has(hash(data)))).toBe(true);
    expect(whole.frames.length - out.frames.length).toBeLessThan(8);
    expect(out.frames.length).toBeLessThan(whole.frames.length);
  });

  it('takes each packet once where it is sent twice', () => {
    const twice = Array.from({ length: plain.length / 188 }, (_, index) => {
      const packet = plain.subarray(index * 188, index * 188 + 188);
      return [packet, packet];
    });
    const out = demux(Buffer.concat(twice.flat()));
    expect(outline(out)).toEqual(outline(demux(plain)));
    expect(out.demuxer.damage.continuityErrors).toBe(0);
  });

  it('never throws and stays small, whatever bytes are changed', () => {
    const change = fc.record({ at: fc.nat(plain.length - 1), to: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const bytes = Buffer.from(plain);
        for (const { at, to } of changes) bytes[at] = to;
        expect(demux(bytes).frames.length).toBeLessThan(200);
      }),
      { numRuns: 60 },
    );
  });
});

it('reads nothing into noise', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 20 }), (chunks) => {
      const out = demux(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));
      expect([out.frames, out.configs, out.faults]).toEqual([[], [], []]);
    }),
  );
});

describe('times', () => {
  const WRAP = 2 ** 33;
  const sps = Buffer.from('0000000167f4000d919b28283f60220000030002000003006 41e28532c'.replaceAll(' ', ''), 'hex');

  /** AAC access units of nonsense with the times given, one PES packet each. */
  function sound(times: readonly number[]): Demuxed {
    const writer = new PacketWriter();
    const head = [writer.pat(256), writer.pmt(256, [{ type: 15, pid: 257 }])];
    const frame = Buffer.from([0xff, 0xf1, 0x4c, 0x80, 0x01, 0x7f, 0xfc, 1, 2, 3, 4]);
    return demux(Buffer.concat([...head, ...times.map((pts) => writer.pes(257, frame, { pts }))]));
  }

  it('go on past the 33 bits, both ways', () => {
    const start = WRAP - 5000;
    const wrapped = sound([start, start + 1920, (start + 3840) % WRAP, (start + 5760) % WRAP, start + 1920]);
    expect(wrapped.of('audio').map(({ pts }) => pts)).toEqual([
      start,
      start + 1920,
      start + 3840,
      start + 5760,
      start + 1920,
    ]);
  });

  it('keep their distances over any number of wraps', () => {
    const steps = fc.array(fc.integer({ min: -(2 ** 32) + 1, max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: WRAP - 1 }), steps, (first, distances) => {
        const times = [first];
        for (const distance of distances) times.push((times.at(-1) ?? 0) + distance);
        const out = sound(times.map((time) => ((time % WRAP) + WRAP) % WRAP));
        expect(out.of('audio').map(({ pts }) => pts)).toEqual(times);
      }),
    );
  });

  it('of the second track follow the first, across the wrap', () => {
    const writer = new PacketWriter();
    const streams = [
      { type: 15, pid: 257 },
      { type: 27, pid: 258 },
    ];
    const frame = Buffer.from([0xff, 0xf1, 0x4c, 0x80, 0x01, 0x7f, 0xfc, 1, 2, 3, 4]);
    const picture = Buffer.concat([sps, Buffer.from('0000000168ebe3c448440000000165b84000', 'hex')]);
    const out = demux(
      Buffer.concat([
        writer.pat(256),
        writer.pmt(256, streams),
        writer.pes(257, frame, { pts: WRAP - 100 }),
        writer.pes(258, picture, { pts: 3500, dts: WRAP - 100 }),
      ]),
    );
    expect(out.frames.map(({ track, dts, pts }) => [track, dts, pts])).toEqual([
      ['audio', WRAP - 100, WRAP - 100],
      ['video', WRAP - 100, WRAP + 3500],
    ]);
  });
});

describe('by hand', () => {
  const START = Buffer.from([0, 0, 0, 1]);
  const SPS = Buffer.from('67f4000d919b28283f602200000300020000030064 1e28532c'.replaceAll(' ', ''), 'hex');
  const PPS = Buffer.from('68ebe3c44844', 'hex');
  const AUD = Buffer.from([9, 0xf0]);
  const idr = (first: boolean, fill: number) => Buffer.from([0x65, first ? 0x88 : 0x48, fill, fill]);
  const slice = (fill: number) => Buffer.from([0x41, 0x88, fill, fill]);
  const stream = (...nals: Buffer[]) => Buffer.concat(nals.flatMap((nal) => [START, nal]));
  const prefixed = (...nals: Buffer[]) =>
    Buffer.concat(nals.flatMap((nal) => [Buffer.from([0, 0, 0, nal.length]), nal]));

  it('one access unit may take several PES packets, and several may share one', () => {
    const writer = new PacketWriter();
    const out = demux(
      Buffer.concat([
        writer.pat(256),
        writer.pmt(256, [{ type: 27, pid: 257 }]),
        writer.pes(257, stream(AUD, SPS, PPS, idr(true, 1)), { pts: 9000 }),
        writer.pes(257, stream(idr(false, 2))),
        writer.pes(257, stream(AUD, slice(3)), { pts: 12_600 }),
        writer.pes(257, stream(AUD, slice(4), AUD, slice(5), slice(6)), { pts: 16_200 }),
      ]),
    );
    expect(out.frames.map(({ pts, key, data }) => [pts, key, data.toString('hex')])).toEqual([
      [9000, true, prefixed(idr(true, 1), idr(false, 2)).toString('hex')],
      [12_600, false, prefixed(slice(3)).toString('hex')],
      [16_200, false, prefixed(slice(4)).toString('hex')],
      [19_800, false, prefixed(slice(5)).toString('hex')],
      [23_400, false, prefixed(slice(6)).toString('hex')],
    ]);
  });

  it('an ADTS frame may begin in one PES packet and end in the next', () => {
    const writer = new PacketWriter();
    const frame = Buffer.from([0xff, 0xf1, 0x4c, 0x80, 0x01, 0x7f, 0xfc, 1, 2, 3, 4]);
    const all = Buffer.concat([frame, frame, frame, frame]);
    const out = demux(
      Buffer.concat([
        writer.pat(256),
        writer.pmt(256, [{ type: 15, pid: 257 }]),
        writer.pes(257, all.subarray(0, 15), { pts: 1000 }),
        writer.pes(257, all.subarray(15, 30), { pts: 5000 }),
        writer.pes(257, all.subarray(30)),
      ]),
    );
    expect(out.frames.map(({ pts, data }) => [pts, data.toString('hex')])).toEqual([
      [1000, '01020304'],
      [2920, '01020304'],
      [5000, '01020304'],
      [6920, '01020304'],
    ]);
  });

  it('a PMT that changes in mid-stream changes codec and PID', () => {
    const writer = new PacketWriter();
    const frame = Buffer.from([0xff, 0xf1, 0x4c, 0x80, 0x01, 0x7f, 0xfc, 1, 2, 3, 4]);
    const picture = stream(AUD, SPS, PPS, idr(true, 1));
    const opus = Buffer.from([0x7f, 0xe0, 3, 0xfc, 0xff, 0xfe]);
    const opusInfo = [5, 4, ...Buffer.from('Opus'), 0x7f, 2, 0x80, 2];
    const out = demux(
      Buffer.concat([
        writer.pat(256),
        writer.pmt(256, [
          { type: 27, pid: 257 },
          { type: 15, pid: 258 },
        ]),
        writer.pes(257, picture, { pts: 9000 }),
        writer.pes(258, frame, { pts: 9000 }),
        writer.pmt(
          256,
          [
            { type: 27, pid: 300 },
            { type: 6, pid: 258, info: opusInfo },
          ],
          1,
        ),
        writer.pes(300, picture, { pts: 12_600 }),
        writer.pes(257, picture, { pts: 12_600 }),
        writer.pes(258, opus, { pts: 11_000 }),
      ]),
    );
    expect(out.frames.map(({ codec, pts }) => [codec, pts]).sort()).toEqual([
      ['aac', 9000],
      ['h264', 12_600],
      ['h264', 9000],
      ['opus', 11_000],
    ]);
    expect(out.faults).toEqual([]);
  });

  it('cues and timed metadata are left alone, and so is a table with a wrong CRC', () => {
    const writer = new PacketWriter();
    const streams = [
      { type: 0x86, pid: 400 },
      { type: 0x15, pid: 401 },
      { type: 27, pid: 257 },
    ];
    const broken = writer.pmt(256, [{ type: 2, pid: 257 }]);
    broken[20] = (broken[20] ?? 0) ^ 1;
    const out = demux(
      Buffer.concat([
        writer.pat(256),
        broken,
        writer.pmt(256, streams),
        writer.split(400, Buffer.alloc(300, 0xfc)),
        writer.pes(401, Buffer.from('ID3'), { pts: 9000 }),
        writer.pes(257, stream(AUD, SPS, PPS, idr(true, 1)), { pts: 9000 }),
      ]),
    );
    expect([out.frames.length, out.faults, out.demuxer.damage.damagedSections]).toEqual([1, [], 1]);
  });

  it('a picture above the bound is left out, and the next one comes', () => {
    const writer = new PacketWriter();
    const out = demux(
      Buffer.concat([
        writer.pat(256),
        writer.pmt(256, [{ type: 27, pid: 257 }]),
        writer.pes(257, stream(SPS, PPS, Buffer.alloc(5 * 1024 * 1024, 0x65)), { pts: 9000 }),
        writer.pes(257, stream(SPS, PPS, idr(true, 1)), { pts: 12_600 }),
      ]),
    );
    expect(out.frames.map(({ pts }) => pts)).toEqual([12_600]);
    expect(out.demuxer.damage.damagedUnits).toBe(1);
  });

  it('the counter may jump where the discontinuity indicator says so', () => {
    const bytes = Buffer.from(plain);
    const at = plain.indexOf(Buffer.from([0x47, 0x41, 0x00]), plain.length / 2);
    expect(((bytes[at + 3] ?? 0) & 0x20) !== 0 && (bytes[at + 4] ?? 0) > 0).toBe(true);
    const jumped = (indicated: boolean) => {
      const copy = Buffer.from(bytes);
      copy[at + 5] = (copy[at + 5] ?? 0) | (indicated ? 0x80 : 0);
      for (let packet = at; packet < copy.length; packet += 188) {
        if (copy.readUInt16BE(packet + 1) % 0x2000 !== 0x100) continue;
        const flags = copy[packet + 3] ?? 0;
        copy[packet + 3] = (flags & 0xf0) | ((flags + 5) & 15);
      }
      return demux(copy).demuxer.damage.continuityErrors;
    };
    expect([jumped(true), jumped(false)]).toEqual([0, 1]);
  });
});
