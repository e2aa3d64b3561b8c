import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketBuffer } from './packet-buffer.js';
import { packetOf } from './rtp-packet.fixture.js';

function open(options: { giveUpMs?: number } = {}) {
  const out: { sequence: number; afterGap: boolean }[] = [];
  const buffer = new PacketBuffer({
    reorderMs: 10,
    giveUpMs: options.giveUpMs ?? 200,
    onPacket: ({ sequence }, afterGap) => out.push({ sequence, afterGap }),
  });
  const push = (sequence: number, nowMs = 0) => buffer.push(packetOf({ sequence: sequence % 65_536 }), nowMs);
  return { buffer, out, push, order: () => out.map(({ sequence }) => sequence) };
}

describe('a packet buffer', () => {
  it('puts in order whatever comes out of order, over the wrap, with doubles, and says that nothing is missing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.shuffledSubarray(
          Array.from({ length: 40 }, (_, index) => index + 1),
          { minLength: 40 },
        ),
        (first, order) => {
          const { out, push, buffer, order: sequences } = open();
          push(first);
          for (const by of order) {
            push(first + by);
            push(first + by);
          }
          expect(sequences()).toEqual(Array.from({ length: 41 }, (_, index) => (first + index) % 65_536));
          expect(out.map(({ afterGap }) => afterGap)).toEqual([true, ...Array(40).fill(false)]);
          expect(buffer.waiting).toBe(false);
          expect(buffer).toMatchObject({ expected: 41, lost: 0, recovered: 0 });
        },
      ),
    );
  });

  it('asks for what is missing after a while, again later, and takes it', () => {
    const { buffer, push, order } = open();
    push(65_534);
    push(2);
    expect(buffer.due(5, 40, 100)).toEqual([]);
    expect(buffer.due(10, 40, 100)).toEqual([65_535, 0, 1]);
    expect(buffer.due(20, 40, 100)).toEqual([]);
    push(65_535, 25);
    expect(buffer.due(50, 40, 1)).toEqual([0]);
    push(0, 60);
    push(1, 60);
    expect(order()).toEqual([65_534, 65_535, 0, 1, 2]);
    expect(buffer).toMatchObject({ expected: 5, lost: 3, recovered: 3, waiting: false });
  });

  it('gives up what never comes, and says so with the next packet', () => {
    const { buffer, out, push } = open();
    push(1);
    push(3, 10);
    buffer.due(30, 40, 100);
    buffer.expire(209);
    expect(out).toHaveLength(1);
    buffer.expire(210);
    expect(out.slice(1)).toEqual([{ sequence: 3, afterGap: true }]);
    push(2, 220);
    expect(out).toHaveLength(2);
    expect(buffer).toMatchObject({ expected: 3, lost: 1, recovered: 0 });
  });

  it('goes on at once after a jump far ahead, and after a restart far behind', () => {
    const { out, push, buffer } = open();
    push(1);
    push(10_000);
    expect(out.at(-1)).toEqual({ sequence: 10_000, afterGap: true });
    push(5);
    push(6);
    expect(out).toHaveLength(2);
    push(7);
    push(8);
    expect(out.slice(2)).toEqual([
      { sequence: 7, afterGap: true },
      { sequence: 8, afterGap: false },
    ]);
    expect(buffer.expected).toBe(4);
  });

  it('never holds more than its span, and hands out each packet once and rising, whatever comes', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 30 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { buffer, push, out } = open({ giveUpMs: 50 });
        let nowMs = 0;
        for (const [sequence, waitMs] of steps) {
          nowMs += waitMs;
          push(sequence, nowMs);
          buffer.due(nowMs, 20, 255);
        }
        buffer.expire(nowMs + 1000);
        expect(buffer.waiting).toBe(false);
        expect(out.length).toBeLessThanOrEqual(steps.length);
      }),
    );
  });
});
