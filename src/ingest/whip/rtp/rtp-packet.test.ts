import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, packetOf } from './rtp-packet.fixture.js';
import { isRtcp, readRetransmission, readRtpPacket } from './rtp-packet.js';

describe('an RTP packet', () => {
  it('is read as it was written', () => {
    const packet = fc.record({
      payloadType: fc.integer({ min: 0, max: 127 }),
      marker: fc.boolean(),
      sequence: fc.integer({ min: 0, max: 65_535 }),
      timestamp: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      ssrc: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      payload: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(packet, (one) => {
        expect(readRtpPacket(bytesOf(one))).toEqual(one);
      }),
    );
  });

  it('loses its padding, its contributing sources and its extension', () => {
    const payload = Buffer.from('picture');
    const bytes = bytesOf(packetOf({ sequence: 1, payload: Buffer.alloc(0) }));
    bytes.writeUInt8(0x80 | 0x20 | 0x10 | 2, 0);
    const sources = Buffer.alloc(8, 9);
    const extension = Buffer.from([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
    const read = readRtpPacket(Buffer.concat([bytes, sources, extension, payload, Buffer.from([0, 0, 3])]));
    expect(read?.payload).toEqual(payload);
  });

  it('is never more than its bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (random) => {
        const bytes = Buffer.from(random);
        for (const first of [bytes[0] ?? 0, 0x80, 0x90, 0xa0, 0xbf]) {
          if (bytes.length > 0) bytes.writeUInt8(first, 0);
          const read = readRtpPacket(bytes);
          expect(read === null || read.payload.length <= bytes.length - 12).toBe(true);
          isRtcp(bytes);
        }
      }),
    );
  });

  it('comes out of its retransmission with its own number', () => {
    const sent = packetOf({ sequence: 900, payloadType: 97, ssrc: 8, payload: Buffer.from([0xff, 0xfe, 1, 2]) });
    const original = readRetransmission(sent, { payloadType: 96, ssrc: 7 });
    expect(original).toMatchObject({ sequence: 0xfffe, payloadType: 96, ssrc: 7, payload: Buffer.from([1, 2]) });
    expect(readRetransmission({ ...sent, payload: Buffer.alloc(1) }, { payloadType: 96, ssrc: 7 })).toBeNull();
  });
});
