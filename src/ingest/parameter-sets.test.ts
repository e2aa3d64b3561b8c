import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { lengthPrefixed, splitAnnexB } from './annex-b.js';
import { readAvcConfig, writeAvcConfig } from './avc-config.js';
import { encode, foreignBytes, PICTURE } from './codecs.fixture.js';
import { hevcNalType, readHevcConfig, writeHevcConfig } from './hevc-config.js';
import { readHevcSps } from './hevc-sps.js';
import { ParameterSets } from './parameter-sets.js';

type Annexed = 'h264' | 'hevc';
const ENCODERS: Record<Annexed, string[]> = {
  h264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-x264-params', 'aud=1:keyint=5'],
  hevc: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'aud=1:keyint=5:log-level=none:repeat-headers=1'],
};

/** The access units of a real encoder: each begins with its delimiter. */
async function accessUnits(codec: Annexed, ...extra: string[]): Promise<Buffer[][]> {
  const stream = await encode(codec, ...PICTURE, '-t', '0.4', ...ENCODERS[codec], '-pix_fmt', 'yuv420p', ...extra);
  const units: Buffer[][] = [];
  for (const nal of splitAnnexB(stream)) {
    const delimiter = codec === 'h264' ? ((nal[0] ?? 0) & 0x1f) === 9 : hevcNalType(nal) === 35;
    if (delimiter) units.push([]);
    units.at(-1)?.push(nal);
  }
  return units;
}

const units: Record<Annexed, Buffer[][]> = { h264: [], hevc: [] };
beforeAll(async () => {
  units.h264 = await accessUnits('h264');
  units.hevc = await accessUnits('hevc');
});

describe.each<Annexed>(['h264', 'hevc'])('%s among its pictures', (codec) => {
  it('says its config once, however often the sets are repeated', () => {
    const sets = new ParameterSets(codec);
    const taken = units[codec].map((unit) => sets.take(unit));
    expect(taken).toHaveLength(10);
    expect(taken.map(({ config }) => config !== null)).toEqual([true, ...Array<boolean>(9).fill(false)]);
    expect(taken.map(({ key }) => key)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((at) => at % 5 === 0));
    for (const { picture } of taken) expect(lengthPrefixed(picture).length).toBeGreaterThan(20);
  });

  it('says its config anew when the picture changes', async () => {
    const sets = new ParameterSets(codec);
    for (const unit of units[codec]) sets.take(unit);
    const larger = await accessUnits(codec, '-vf', 'scale=320:180');
    const { config } = sets.take(larger[0] ?? []);
    const read = codec === 'h264' ? readAvcConfig(config?.data ?? Buffer.alloc(0)) : null;
    const readHevc = codec === 'hevc' ? readHevcConfig(config?.data ?? Buffer.alloc(0)) : null;
    expect((read ?? readHevc)?.sps).toHaveLength(1);
    expect(sets.take(units[codec][0] ?? []).config).not.toBeNull();
  });

  it('never throws and never grows, whatever comes', () => {
    const real = Buffer.concat((units[codec][0] ?? []).map((nal) => nal.subarray(0, 200)));
    fc.assert(
      fc.property(fc.array(foreignBytes(real), { maxLength: 40 }), (nals) => {
        const sets = new ParameterSets(codec);
        for (const nal of nals) expect(sets.take([nal, nal]).config?.data.length ?? 0).toBeLessThan(200_000);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the records', () => {
  const bytes = (type: number) =>
    fc.uint8Array({ minLength: 4, maxLength: 40 }).map((body) => Buffer.from([type, ...body]));
  const setsOf = (type: number) => fc.array(bytes(type), { minLength: 1, maxLength: 5 });

  it('of H.264 read back as they were written', () => {
    fc.assert(
      fc.property(setsOf(0x67), setsOf(0x68), (sps, pps) => {
        const record = writeAvcConfig(sps, pps);
        expect(readAvcConfig(record ?? Buffer.alloc(0))).toEqual({ lengthSize: 4, sps, pps });
      }),
    );
  });

  it('of HEVC read back as they were written', () => {
    const sps = (units.hevc[0] ?? []).filter((nal) => hevcNalType(nal) === 33);
    fc.assert(
      fc.property(setsOf(0x40), setsOf(0x44), (vps, pps) => {
        const record = writeHevcConfig(vps, sps, pps);
        expect(readHevcConfig(record ?? Buffer.alloc(0))).toEqual({ lengthSize: 4, vps, sps, pps });
      }),
    );
  });

  it('are not written without their sets', () => {
    expect(writeAvcConfig([], [Buffer.from([0x68, 1])])).toBeNull();
    expect(writeAvcConfig([Buffer.from([0x67, 66, 0, 30, 9])], [])).toBeNull();
    expect(writeHevcConfig([Buffer.from([0x40, 1])], [Buffer.from([0x42, 1, 1])], [Buffer.from([0x44, 1])])).toBeNull();
  });

  it('of HEVC never throw, whatever they claim', () => {
    const [vps, sps, pps] = [32, 33, 34].map((type) =>
      (units.hevc[0] ?? []).filter((nal) => hevcNalType(nal) === type),
    );
    const record = writeHevcConfig(vps ?? [], sps ?? [], pps ?? []) ?? Buffer.alloc(0);
    const nal = sps?.[0] ?? Buffer.alloc(0);
    fc.assert(
      fc.property(foreignBytes(record), foreignBytes(nal), (config, set) => {
        readHevcConfig(config);
        const read = readHevcSps(set);
        if (read !== null) expect(read.picture.width * read.picture.height).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the HEVC sequence parameter set', () => {
  const plain = { width: 160, height: 90, sampleAspectRatio: 1, frameRate: 25, interlaced: false, hdr: false };
  it.each<[string, string[], object]>([
    ['as x265 writes it', [], plain],
    [
      'with more tools',
      ['-preset', 'slow', '-x265-params', 'log-level=none:bframes=4:ref=4:hrd=1:vbv-maxrate=900:vbv-bufsize=900'],
      plain,
    ],
    ['with scaling lists', ['-x265-params', 'log-level=none:scaling-list=default'], plain],
    ['in ten bits', ['-pix_fmt', 'yuv420p10le'], plain],
    ['in 4:2:2', ['-pix_fmt', 'yuv422p'], plain],
    ['in 4:4:4', ['-pix_fmt', 'yuv444p', '-vf', 'scale=158:86,setsar=1'], { width: 158, height: 86 }],
    ['with temporal layers', ['-x265-params', 'log-level=none:temporal-layers=3:bframes=4:b-adapt=0'], plain],
    ['with pixels that are not square', ['-vf', 'setsar=64/45'], { sampleAspectRatio: 64 / 45 }],
    ['at a broken rate', ['-r', '30000/1001'], { frameRate: 30_000 / 1001 }],
    [
      'in PQ',
      [
        '-pix_fmt',
        'yuv420p10le',
        '-x265-params',
        'log-level=none:transfer=smpte2084:colorprim=bt2020:colormatrix=bt2020nc',
      ],
      { hdr: true },
    ],
    ['in HLG', ['-color_trc', 'arib-std-b67', '-colorspace', 'bt2020nc', '-color_primaries', 'bt2020'], { hdr: true }],
  ])('%s', async (_, extra, expected) => {
    const args = [
      ...PICTURE,
      '-frames:v',
      '3',
      '-c:v',
      'libx265',
      '-preset',
      'ultrafast',
      '-x265-params',
      'log-level=none',
      '-pix_fmt',
      'yuv420p',
    ];
    const nals = splitAnnexB(await encode('hevc', ...args, ...extra));
    const sps = nals.find((nal) => hevcNalType(nal) === 33);
    expect(readHevcSps(sps ?? Buffer.alloc(0))?.picture).toMatchObject(expected);
  });
});
