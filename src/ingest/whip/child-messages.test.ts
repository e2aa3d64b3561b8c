import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ChildReport,
  configBlock,
  controlBlock,
  frameBlock,
  type PipeMessage,
  PipeReader,
} from './child-messages.js';

const report: ChildReport = { type: 'closed', session: 3, reason: 'Ende – schön' };
const config = { track: 'audio', codec: 'opus', data: Buffer.from('OpusHead') } as const;
const frame = {
  track: 'video',
  codec: 'vp8',
  dts: -5.0,
  pts: -5.0,
  timescale: 90_000,
  key: true,
  data: Buffer.alloc(3000, 7),
} as const;

describe('the pipe to the WebRTC process', () => {
  it('gives every message as it was put in, however the bytes are cut', () => {
    const bytes = Buffer.concat([
      controlBlock(report),
      configBlock(1, config),
      frameBlock(2, frame),
      controlBlock(report),
    ]);
    const cuts = fc.array(fc.integer({ min: 1, max: bytes.length }), { maxLength: 20 });
    fc.assert(
      fc.property(cuts, (ends) => {
        const got: PipeMessage<ChildReport>[] = [];
        const reader = new PipeReader<ChildReport>((message) => got.push(message));
        const sorted = [...ends, bytes.length].sort((one, other) => one - other);
        for (const [index, end] of sorted.entries()) reader.push(bytes.subarray(sorted[index - 1] ?? 0, end));
        expect(got).toEqual([
          { kind: 'control', control: report },
          { kind: 'config', session: 1, config },
          { kind: 'frame', session: 2, frame },
          { kind: 'control', control: report },
        ]);
      }),
    );
  });

  it('takes nothing that is none of it', () => {
    const push = (hex: string) => () => new PipeReader(() => {}).push(Buffer.from(hex, 'hex'));
    expect(push('ffffffff01')).toThrow(RangeError);
    expect(push('00000000')).toThrow(RangeError);
    expect(push('0000000209000000000000')).toThrow();
  });
});
