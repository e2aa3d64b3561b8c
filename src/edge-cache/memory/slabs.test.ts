import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Extent, Slabs } from './slabs.js';

describe('slabs', () => {
  it('lend no byte twice, and are whole again when everything was given back', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('take' as const), bytes: fc.oneof(fc.nat(2000), fc.nat(300_000)) }),
      fc.record({ kind: fc.constant('give' as const), at: fc.nat(1000) }),
      fc.record({
        kind: fc.constant('shrink' as const),
        at: fc.nat(1000),
        part: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const bytesMax = 1024 * 1024;
        const slabs = new Slabs(bytesMax);
        const held: { extent: Extent; mark: number }[] = [];
        let marks = 0;
        for (const each of steps) {
          if (each.kind === 'take') {
            const extent = slabs.take(each.bytes);
            if (extent === null) continue;
            marks = (marks % 250) + 1;
            extent.bytes.fill(marks);
            expect(extent.bytes).toHaveLength(each.bytes);
            held.push({ extent, mark: marks });
          } else if (held.length > 0) {
            const at = each.at % held.length;
            const one = held[at] as (typeof held)[number];
            if (each.kind === 'give') {
              slabs.give(one.extent);
              held.splice(at, 1);
            } else {
              const bytes = Math.floor(one.extent.bytes.length * each.part);
              held[at] = { extent: slabs.shrink(one.extent, bytes), mark: one.mark };
            }
          }
          expect(slabs.used).toBeLessThanOrEqual(bytesMax);
        }
        for (const { extent, mark } of held) expect(extent.bytes.every((byte) => byte === mark)).toBe(true);
        for (const { extent } of held) slabs.give(extent);
        expect(slabs.used).toBe(0);
        const whole = slabs.take(bytesMax);
        expect(whole?.bytes.length).toBe(bytesMax);
      }),
    );
  });

  it('say when there is no room, and have it again once enough was given back', () => {
    const slabs = new Slabs(64 * 1024);
    const extents = Array.from({ length: 64 }, () => slabs.take(1024) as Extent);
    expect(slabs.take(1)).toBeNull();
    for (const extent of extents.slice(0, 4)) slabs.give(extent);
    expect(slabs.take(4097)).toBeNull();
    expect(slabs.take(4096)?.bytes).toHaveLength(4096);
  });

  it('have room for nothing, which takes a grain', () => {
    const slabs = new Slabs(128);
    const extent = slabs.take(0) as Extent;
    expect([extent.bytes.length, slabs.take(0)]).toEqual([0, null]);
    slabs.give(extent);
    expect(() => slabs.give(extent)).toThrow('twice');
  });

  it('say what to do where the system refuses the first', () => {
    const allot = () => new SharedArrayBuffer(Number.MAX_SAFE_INTEGER);
    expect(() => new Slabs(1024, { allot })).toThrow(
      expect.objectContaining({ code: 'edge-cache.memory-refused', hint: expect.stringContaining('edge.memory') }),
    );
  });

  it('go on with what they have where the system refuses a later one, and say it once', () => {
    const gibibyte = 2 ** 30;
    const asked: number[] = [];
    const told: [hint: string, bytesMax: number][] = [];
    const slabs = new Slabs(3 * gibibyte, {
      allot: (bytes) => {
        asked.push(bytes);
        return new SharedArrayBuffer(asked.length === 1 ? bytes : Number.MAX_SAFE_INTEGER);
      },
      whenRefused: ({ hint }, bytesMax) => told.push([hint, bytesMax]),
    });
    // Pages that nobody writes to cost nothing.
    const extents = [1, 2].map(() => slabs.take(gibibyte / 2) as Extent);
    for (let times = 0; times < 3; times += 1) expect(slabs.take(1)).toBeNull();
    expect(asked).toEqual([gibibyte, gibibyte]);
    expect(told).toEqual([[expect.stringContaining('at most 1024MiB'), gibibyte]]);
    for (const extent of extents) slabs.give(extent);
    expect(slabs.take(gibibyte)?.bytes).toHaveLength(gibibyte);
  });

  it('are shared with other threads', () => {
    expect(new Slabs(1024).take(10)?.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});
