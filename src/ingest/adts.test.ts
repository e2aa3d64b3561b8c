import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { readAacConfig } from './aac-config.js';
import { readAdts } from './adts.js';
import { encode, foreignBytes, TONE } from './codecs.fixture.js';

let stream: Buffer;
beforeAll(async () => {
  stream = await encode('adts', ...TONE, '-t', '0.5', '-c:a', 'aac', '-ac', '2');
});

describe('ADTS from a real encoder', () => {
  it('is read to its end', () => {
    const run = readAdts(stream);
    expect(run?.frames.length).toBeGreaterThanOrEqual(24);
    expect(run?.sampleRate).toBe(48_000);
    expect(run?.rest).toHaveLength(0);
    expect(readAacConfig(run?.config ?? Buffer.alloc(0))).toEqual({ sampleRate: 48_000, channels: 2, objectType: 2 });
  });

  it('gives the same frames wherever it is cut in pieces', () => {
    const whole = readAdts(stream)?.frames ?? [];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 7, max: 900 }), { minLength: 1, maxLength: 40 }), (cuts) => {
        const frames: Buffer[] = [];
        let rest: Buffer = Buffer.alloc(0);
        let at = 0;
        for (let piece = 0; at < stream.length; piece++) {
          const end = at + (cuts[piece % cuts.length] ?? 7);
          const run = readAdts(Buffer.concat([rest, stream.subarray(at, end)]));
          frames.push(...(run?.frames ?? []));
          rest = run?.rest ?? Buffer.alloc(0);
          at = end;
        }
        expect(frames).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it('is found again behind damage', () => {
    const frames = readAdts(stream)?.frames.length ?? 0;
    const damaged = Buffer.from(stream);
    damaged.fill(0x55, 300, 700);
    const run = readAdts(Buffer.concat([Buffer.from('ff0012ffff', 'hex'), damaged]));
    expect(run?.frames.length).toBeGreaterThan(frames - 6);
    expect(run?.frames.length).toBeLessThan(frames);
  });

  it('of another rate is left out of the run', async () => {
    const other = await encode('adts', ...TONE, '-t', '0.2', '-c:a', 'aac', '-ar', '44100');
    const run = readAdts(Buffer.concat([stream, other]));
    expect(run?.frames).toEqual(readAdts(stream)?.frames);
    expect(readAdts(other)?.sampleRate).toBe(44_100);
  });
});

describe('anything else', () => {
  it('is no ADTS', () => {
    expect(readAdts(Buffer.alloc(0))).toBeNull();
    expect(readAdts(Buffer.from('not sound at all'))).toBeNull();
  });

  it('never throws, and keeps less than a frame', () => {
    fc.assert(
      fc.property(foreignBytes(stream), (bytes) => {
        const run = readAdts(bytes);
        if (run !== null) expect(run.rest.length).toBeLessThan(8192);
      }),
      { numRuns: 2000 },
    );
  });
});
