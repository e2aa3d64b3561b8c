import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makePes, type PesPacket } from './pes.js';
import type { Program } from './psi.js';
import { muxSegment } from './ts-muxer.js';
import { StrictTsReader } from './ts-reader.fixture.js';

const WRAP = 2 ** 33;
const PROGRAMS: readonly Program[] = [
  { videoType: 0x1b, audioType: 0x0f },
  { videoType: 0x24, audioType: 0x03 },
  { videoType: 0x1b, audioType: null },
  { videoType: null, audioType: 0x0f },
];
const PIDS = { video: 0x100, audio: 0x101 } as const;

interface Unit {
  readonly size: number;
  readonly step: number;
  readonly offset: number;
  readonly key: boolean;
}

const units = (maxSize: number) =>
  fc.array(
    fc.record<Unit>({
      size: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: maxSize })),
      step: fc.oneof(fc.integer({ min: 1, max: 12_000 }), fc.integer({ min: 1, max: 400_000 })),
      offset: fc.constantFrom(0, 0, 3600, 7200),
      key: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  );

/** Bytes that tell one unit from the next. */
function packets(track: 'video' | 'audio', from: number, list: readonly Unit[]): PesPacket[] {
  let dts = from;
  return list.map(({ size, step, offset, key }, index) => {
    const times = { dts, pts: dts + (track === 'video' ? offset : 0), endDts: dts + step, key };
    dts += step;
    return makePes(track, times, size, (bytes, at) => bytes.fill((index * 7 + size) & 0xff, at, at + size));
  });
}

const mod = (ticks: number) => ((ticks % WRAP) + WRAP) % WRAP;

describe('a segment of MPEG-TS', () => {
  it('gives back any pictures and sound, in whole packets, under the rules of the standard', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PROGRAMS),
        fc.oneof(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: WRAP - 400_000, max: WRAP + 10 })),
        fc.integer({ min: -5_000, max: 5_000 }),
        units(70_000),
        units(4_000),
        (program, from, skew, pictures, sound) => {
          const given = [
            ...(program.videoType === null ? [] : packets('video', from, pictures)),
            ...(program.audioType === null ? [] : packets('audio', from + skew, sound)),
          ];
          const read = new StrictTsReader().read(muxSegment(program, given));
          for (const track of ['video', 'audio'] as const) {
            const wanted = given.filter((each) => each.track === track);
            const got = read.pes.filter(({ pid }) => pid === PIDS[track]);
            expect(got.map(({ dts }) => dts)).toEqual(wanted.map(({ dts }) => mod(dts)));
            expect(got.map(({ randomAccess }) => randomAccess)).toEqual(wanted.map(({ key }) => key));
            for (const [index, { payload, pts, dts }] of got.entries()) {
              expect(mod(pts - dts)).toBeLessThan(10_000);
              const bytes = wanted[index]?.bytes ?? Buffer.alloc(0);
              expect(payload.equals(bytes.subarray(bytes.length - payload.length))).toBe(true);
              expect(payload.length).toBe((track === 'video' ? pictures : sound)[index]?.size);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('can stand before and behind any other of its program: each PID’s counters make whole rounds', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(units(3_000), units(300)), { minLength: 2, maxLength: 4 }), (segments) => {
        const program = { videoType: 0x1b, audioType: 0x0f };
        const pieces = segments.map(([pictures, sound], index) => {
          const from = 900_000 * (index + 1);
          return muxSegment(program, [...packets('video', from, pictures), ...packets('audio', from, sound)]);
        });
        const read = new StrictTsReader().read(Buffer.concat(pieces));
        expect(read.pes).toHaveLength(segments.flat(2).length);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['25 pictures a second', 3_600, 50],
    ['a picture in two seconds', 180_000, 2],
    ['60 pictures a second for ten seconds', 1_500, 600],
  ])('with %s has its clock every 100 ms and its tables every half second', (_, step, count) => {
    const pictures = Array.from({ length: count }, () => ({ size: 2_000, step, offset: 0, key: false }));
    const sound = Array.from({ length: Math.floor((count * step) / 7_680) }, () => {
      return { size: 1_000, step: 7_680, offset: 0, key: true };
    });
    const from = 900_000;
    for (const program of PROGRAMS.slice(0, 1)) {
      const both = [...packets('video', from, pictures), ...packets('audio', from, sound)];
      const bytes = muxSegment(program, both);
      const { clocks, pes, tables } = new StrictTsReader().read(bytes);
      const steps = clocks.slice(1).map(({ ticks }, index) => ticks - (clocks[index]?.ticks ?? 0));
      expect(Math.min(...steps)).toBeGreaterThan(0);
      expect(Math.max(...steps)).toBeLessThanOrEqual(9_000);
      const end = from + count * step;
      expect(end - (clocks.at(-1)?.ticks ?? 0) - 18_000).toBeLessThanOrEqual(9_000);
      expect(clocks[0]?.ticks).toBe(from - 18_000);
      for (const { dts } of pes) expect(dts).toBeGreaterThan(from - 18_000);
      expect(tables).toBeGreaterThanOrEqual((count * step) / 45_000);
      expect(bytes.subarray(0, 3)).toEqual(Buffer.from([0x47, 0x40, 0x00]));
    }
  });

  it('keeps its clock where the pictures of a slot are missing', () => {
    const sound = packets(
      'audio',
      900_000,
      Array.from({ length: 10 }, () => ({ size: 500, step: 7_680, offset: 0, key: true })),
    );
    const { clocks, clockPid } = new StrictTsReader().read(muxSegment({ videoType: 0x1b, audioType: 0x0f }, sound));
    expect(clockPid).toBe(PIDS.video);
    expect(clocks).toHaveLength(10);
  });

  it('does not fill a hole in the times without end', () => {
    const list = [
      { size: 10, step: 2 ** 32, offset: 0, key: true },
      { size: 10, step: 3_600, offset: 0, key: false },
    ];
    expect(muxSegment({ videoType: 0x1b, audioType: null }, packets('video', 0, list)).length).toBeLessThan(188 * 1400);
  });
});
