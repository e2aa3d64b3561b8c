import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foreignBytes } from './codecs.fixture.js';
import { opusPacketSamples, readOpusHead, writeOpusHead } from './opus-config.js';

const head = fc.record({
  channels: fc.integer({ min: 1, max: 8 }),
  preSkip: fc.nat(0xffff),
  sampleRate: fc.nat(0xffffffff),
});

describe('OpusHead', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(head, (opus) => {
        expect(readOpusHead(writeOpusHead(opus))).toEqual(opus);
      }),
    );
  });

  it.each([0, 9])('is not written for %d channels', (channels) => {
    expect(() => writeOpusHead({ channels, preSkip: 0, sampleRate: 48_000 })).toThrow(RangeError);
  });

  it('of another mapping, or cut short, is unreadable', () => {
    const surround = writeOpusHead({ channels: 6, preSkip: 312, sampleRate: 48_000 });
    expect(readOpusHead(surround.subarray(0, 22))).toBeNull();
    surround[18] = 255;
    expect(readOpusHead(surround)).toBeNull();
    expect(readOpusHead(Buffer.from('OpusTags-------------------'))).toBeNull();
  });

  it('never throws', () => {
    const real = writeOpusHead({ channels: 3, preSkip: 312, sampleRate: 48_000 });
    fc.assert(
      fc.property(foreignBytes(real), (bytes) => {
        const read = readOpusHead(bytes);
        if (read !== null) expect(read.channels).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the length of a packet', () => {
  it.each<[string, string, number]>([
    ['one hybrid frame of 20 ms', '78', 960],
    ['one CELT frame of 2.5 ms', '80', 120],
    ['two SILK frames of 60 ms', '19', 5760],
    ['three CELT frames of 20 ms, told by their count', 'fb03', 2880],
    ['a count without its byte', 'fb', 0],
    ['more than 120 ms', 'fb3f', 0],
    ['nothing', '', 0],
  ])('%s', (_, hex, samples) => {
    expect(opusPacketSamples(Buffer.from(hex, 'hex'))).toBe(samples);
  });
});
