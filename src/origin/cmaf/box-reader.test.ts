import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OriginFailure } from '../failure.js';
import { type Box, BoxReader, childBoxes } from './box-reader.js';
import { readFragment } from './fragment.js';
import { type InitSegment, readInitSegment } from './init-segment.js';

function box(type: string, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + payload.length, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, payload]);
}

const anyBox = fc
  .tuple(fc.constantFrom('moof', 'mdat', 'free', 'styp'), fc.uint8Array({ maxLength: 300 }))
  .map(([type, payload]) => box(type, payload));

/** Foreign bytes may be refused, with a failure of ours; anything else thrown is a bug. */
function refusesCleanly(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof OriginFailure)) throw error;
  }
}

describe('BoxReader', () => {
  it('gives the same boxes however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(anyBox, { maxLength: 8 }), fc.integer({ min: 1, max: 64 }), (boxes, step) => {
        const bytes = Buffer.concat(boxes);
        const reader = new BoxReader();
        const found: Box[] = [];
        for (let at = 0; at < bytes.length; at += step) found.push(...reader.push(bytes.subarray(at, at + step)));
        expect(found.map((each) => each.bytes.toString('hex'))).toEqual(boxes.map((each) => each.toString('hex')));
        expect(reader.atBoundary).toBe(true);
      }),
    );
  });

  it('never throws anything but its own failure on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 16 }), (pieces) => {
        const reader = new BoxReader();
        refusesCleanly(() => {
          for (const piece of pieces)
            for (const each of reader.push(Buffer.from(piece))) childBoxes(each.bytes, 8, each.bytes.length);
        });
      }),
    );
  });

  it('reads a 64-bit size', () => {
    const bytes = Buffer.alloc(20);
    bytes.writeUInt32BE(1, 0);
    bytes.write('mdat', 4, 'latin1');
    bytes.writeBigUInt64BE(20n, 8);
    const [found] = [...new BoxReader().push(bytes)];
    expect(found).toMatchObject({ type: 'mdat', payloadStart: 16 });
    expect(found?.bytes.length).toBe(20);
  });

  it.each([
    ['a size below its header', [0, 0, 0, 4]],
    ['a size to the end of the file, which a stream does not have', [0, 0, 0, 0]],
    ['a size over the limit', [0x7f, 0, 0, 0]],
  ])('refuses %s before anything is held', (_name, size) => {
    const bytes = Buffer.concat([Buffer.from(size), Buffer.from('moof'), Buffer.alloc(8)]);
    expect(() => [...new BoxReader().push(bytes)]).toThrow(OriginFailure);
  });
});

describe('the readers behind it', () => {
  const nested = fc.letrec<{ node: Buffer }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc
        .tuple(
          fc.constantFrom(
            'tkhd',
            'hdlr',
            'mdhd',
            'stsd',
            'trex',
            'tfhd',
            'tfdt',
            'trun',
            'avc1',
            'mp4a',
            'esds',
            'avcC',
          ),
          fc.uint8Array({ maxLength: 96 }),
        )
        .map(([type, payload]) => box(type, payload)),
      fc
        .tuple(fc.constantFrom('trak', 'mdia', 'minf', 'stbl', 'mvex', 'traf'), fc.array(tie('node'), { maxLength: 5 }))
        .map(([type, children]) => box(type, Buffer.concat(children))),
    ),
  })).node;
  const init: InitSegment = {
    ...{ bytes: Buffer.alloc(0), trackId: 1, kind: 'video', timescale: 90000, codecs: 'avc1.42c01e' },
    ...{ width: 1, height: 1, sampleRate: 0, defaults: { duration: 3600, size: 0, flags: 0 } },
    decoderConfig: Buffer.alloc(0),
  };
  const asBox = (type: string, payload: Uint8Array): Box => ({ type, bytes: box(type, payload), payloadStart: 8 });

  it('refuse any movie header and any fragment that is malformed, and nothing else is thrown', () => {
    fc.assert(
      fc.property(fc.array(nested, { maxLength: 6 }), fc.uint8Array({ maxLength: 64 }), (children, data) => {
        const payload = Buffer.concat(children);
        refusesCleanly(() => readInitSegment(asBox('ftyp', data), asBox('moov', payload)));
        refusesCleanly(() => readFragment(asBox('moof', payload), asBox('mdat', data), init));
      }),
      { numRuns: 500 },
    );
  });

  it('bound the number of samples that a run may claim', () => {
    const trun = box('trun', Buffer.from([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
    const tfhd = box('tfhd', Buffer.from([0, 2, 0, 0, 0, 0, 0, 1]));
    const tfdt = box('tfdt', Buffer.alloc(8));
    const moof = asBox('moof', box('traf', Buffer.concat([tfhd, tfdt, trun])));
    expect(() => readFragment(moof, asBox('mdat', Buffer.alloc(0)), init)).toThrow(/4294967295 samples/);
  });
});
