import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { section, spliceCancel, spliceInsert, spliceNull, timeSignal } from './splice-info.fixture.js';
import { readSpliceInfo } from './splice-info.js';

describe('readSpliceInfo', () => {
  it('reads a section that the standard prints (SCTE 35 2023 §14.1, a placement opportunity)', () => {
    const printed = Buffer.from(
      '/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==',
      'base64',
    );
    expect(readSpliceInfo(printed)).toEqual({
      command: 'time-signal',
      pts: 0x07_2bd_0050,
      events: [
        {
          eventId: 0x4800_008e,
          cancelled: false,
          segmentation: 0x34,
          point: 'out',
          durationTicks: 0x0001_a599_b0,
        },
      ],
    });
  });

  it('reads a splice_insert, and adds the adjustment in 33 bits', () => {
    const out = spliceInsert({ eventId: 7, out: true, pts: 2 ** 33 - 100, breakTicks: 2_700_000, adjustment: 300 });
    expect(readSpliceInfo(out)).toEqual({
      command: 'insert',
      pts: 200,
      events: [{ eventId: 7, cancelled: false, segmentation: null, point: 'out', durationTicks: 2_700_000 }],
    });
    const back = readSpliceInfo(spliceInsert({ eventId: 7, out: false, pts: null }));
    expect(back).toMatchObject({ command: 'insert', pts: null, events: [{ point: 'in', durationTicks: null }] });
    expect(readSpliceInfo(spliceCancel(9))?.events).toMatchObject([{ eventId: 9, cancelled: true }]);
  });

  it('reads several segmentations of one signal', () => {
    const segmentations = [
      { eventId: 1, type: 0x31 },
      { eventId: 2, type: 0x10, durationTicks: 2 ** 33 + 5 },
      { eventId: 3, type: 0, cancelled: true },
    ];
    expect(readSpliceInfo(timeSignal(90_000, segmentations))).toMatchObject({
      pts: 90_000,
      events: [
        { eventId: 1, segmentation: 0x31, point: 'in' },
        { eventId: 2, segmentation: 0x10, point: 'other', durationTicks: 2 ** 33 + 5 },
        { eventId: 3, cancelled: true },
      ],
    });
  });

  it('knows heartbeats, and leaves encrypted ones alone', () => {
    expect(readSpliceInfo(spliceNull())).toMatchObject({ command: 'idle' });
    expect(readSpliceInfo(section(0x05, [1, 2, 3], [], 0, true))).toEqual({
      command: 'encrypted',
      pts: null,
      events: [],
    });
    expect(readSpliceInfo(section(0xff, [...Buffer.from('ABCD')], [], 0))).toMatchObject({ command: 'other' });
  });

  it('never throws, whatever the bytes', () => {
    const whole = [
      timeSignal(1, [{ eventId: 1, type: 0x34, durationTicks: 5 }]),
      spliceInsert({ eventId: 1, out: true, pts: 3, breakTicks: 4 }),
    ];
    const change = fc.record({ at: fc.nat(80), to: fc.nat(255) });
    fc.assert(
      fc.property(fc.constantFrom(...whole), fc.array(change, { maxLength: 6 }), fc.nat(90), (bytes, changes, cut) => {
        const mutated = Buffer.from(bytes);
        for (const { at, to } of changes) if (at < mutated.length) mutated[at] = to;
        const info = readSpliceInfo(mutated.subarray(0, cut));
        expect(info?.events.length ?? 0).toBeLessThanOrEqual(32);
      }),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => void readSpliceInfo(Buffer.from(bytes))));
  });
});
