import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRtcp } from './rtcp-reader.js';
import { middle32, writeNack, writePli, writeReceiverReport, writeReferenceTime, writeRemb } from './rtcp-writer.js';

function senderReport(ssrc: number): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt8(0x80, 0);
  bytes.writeUInt8(200, 1);
  bytes.writeUInt16BE(6, 2);
  bytes.writeUInt32BE(ssrc, 4);
  bytes.writeUInt32BE(0xabcd_0001, 8);
  bytes.writeUInt32BE(0x8000_0000, 12);
  bytes.writeUInt32BE(1234, 16);
  return bytes;
}

describe('RTCP from the sender', () => {
  it('gives the clocks of a report, and what came before and after it in the compound', () => {
    const delay = Buffer.from('80cf0005 00000007 05000003 00000001 00020000 00010000'.replaceAll(' ', ''), 'hex');
    const compound = Buffer.concat([writeReceiverReport([]), senderReport(7), delay]);
    expect(readRtcp(compound)).toEqual([
      { kind: 'sender', ssrc: 7, ntpMs: 0xabcd_0001 * 1000 + 500, middle32: 0x0001_8000, rtpTime: 1234 },
      { kind: 'delay', lastReport: 0x20000, delay: 0x10000 },
    ]);
  });

  it('is read to its end or to its first fault, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (random, type) => {
        const bytes = Buffer.from(random);
        expect(readRtcp(bytes).length).toBeLessThanOrEqual(50);
        if (bytes.length >= 4) {
          bytes.writeUInt8(0x80, 0);
          bytes.writeUInt8(type % 2 === 0 ? 200 : 207, 1);
          bytes.writeUInt16BE(type % 12, 2);
          readRtcp(bytes);
        }
      }),
    );
  });
});

describe('RTCP from us', () => {
  it('reports what arrived', () => {
    const report = writeReceiverReport([
      {
        ssrc: 7,
        fractionLost: 0.25,
        lostTotal: -1,
        highestSequence: 0x10005,
        jitter: 12.4,
        lastReport: 0x11223344,
        sinceLastReportMs: 500,
      },
    ]);
    expect(report.toString('hex')).toBe(`81c9000700000001${'00000007'}40ffffff000100050000000c1122334400008000`);
  });

  it('names lost packets with one item for 17 in a row, over the wrap too', () => {
    expect(writeNack(7, [65_534, 65_535, 0, 14, 15, 100]).subarray(12).toString('hex')).toBe(
      `fffe${(0b1000_0000_0000_0011).toString(16)}${'000f0000'}${'00640000'}`,
    );
  });

  it('says the highest bitrate with a mantissa of 18 bits', () => {
    const remb = writeRemb([7, 8], 8_000_000);
    const exponent = remb.readUInt8(17) >> 2;
    const mantissa = ((remb.readUInt8(17) & 3) << 16) | remb.readUInt16BE(18);
    expect(mantissa * 2 ** exponent).toBeGreaterThan(7_990_000);
    expect(remb.readUInt16BE(2)).toBe(remb.length / 4 - 1);
  });

  it('asks for a key of one source', () => {
    expect(writePli(7).toString('hex')).toBe('81ce00020000000100000007');
  });

  it('sends a reference time whose middle comes back', () => {
    const sent = writeReferenceTime(123_456.789);
    const middle = (((sent.readUInt32BE(12) & 0xffff) << 16) | (sent.readUInt32BE(16) >>> 16)) >>> 0;
    expect(Math.abs(middle - middle32(123_456.789))).toBeLessThanOrEqual(1);
  });
});
