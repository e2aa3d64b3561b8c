import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MatroskaFault } from './ebml-element.js';
import { type BlockItem, type FeedItem, MatroskaReader } from './matroska-reader.js';

/** Three seconds with B-frames, by ffmpeg's own muxer (clusters of known size, block groups). */
function recorded(): Buffer {
  const input = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=3', '-f', 'lavfi', '-i', 'sine=r=48000:d=3'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '2', '-c:a', 'aac'];
  return execFileSync('ffmpeg', ['-v', 'error', ...input, ...coding, '-f', 'matroska', '-live', '1', 'pipe:1'], {
    maxBuffer: 1 << 24,
  });
}

const read = (pieces: readonly Buffer[]): FeedItem[] => {
  const reader = new MatroskaReader();
  return pieces.flatMap((piece) => reader.push(piece));
};
const bytesOf = (items: readonly FeedItem[]) => Buffer.concat(items.flatMap(({ raw }) => raw));
const blocks = (items: readonly FeedItem[]) => items.filter((item): item is BlockItem => item.kind === 'block');
const gist = ({ track, timeMs, key, payload }: BlockItem) => [
  track,
  timeMs,
  key,
  Buffer.concat(payload).toString('hex'),
];

function piecesOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

describe('a feed', () => {
  let feed: Buffer;
  beforeAll(() => {
    feed = recorded();
  });

  it('is read into its tracks and frames', () => {
    const items = read([feed]);
    const [head] = items;
    expect(head).toMatchObject({ kind: 'head', tracks: [{ codec: 'h264' }, { codec: 'aac' }] });
    const pictures = blocks(items).filter(({ track }) => track === 'video');
    expect(pictures).toHaveLength(75);
    // All of it stands an AAC frame late, so that the encoder's priming is not before zero.
    expect(pictures.filter(({ key }) => key).map(({ timeMs }) => timeMs)).toEqual([21, 1021, 2021]);
    expect(Math.max(...pictures.map(({ timeMs }) => timeMs))).toBe(2981);
    expect(blocks(items).filter(({ track }) => track === 'audio').length).toBeGreaterThan(138);
  });

  it('comes out byte for byte, however it is cut', () => {
    const whole = read([feed]);
    const reference = blocks(whole).map(gist);
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 });
    const property = fc.property(sizes, (lengths) => {
      const items = read(piecesOf(feed, lengths));
      expect(blocks(items).map(gist)).toEqual(reference);
      expect(feed.subarray(0, bytesOf(items).length).equals(bytesOf(items))).toBe(true);
    });
    fc.assert(property, { numRuns: 20 });
  });

  it('whatever is done to its bytes, is read or refused, and not held', () => {
    const change = fc.record({ at: fc.nat(4000), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const damaged = Buffer.from(feed.subarray(0, 8000));
        for (const { at, byte } of changes) damaged[at] = byte;
        try {
          read(piecesOf(damaged, [700]));
        } catch (error) {
          expect(error).toBeInstanceOf(MatroskaFault);
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('bytes of no feed are read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        read([Buffer.from(bytes)]);
      } catch (error) {
        expect(error).toBeInstanceOf(MatroskaFault);
      }
    }),
    { numRuns: 500 },
  );
});
