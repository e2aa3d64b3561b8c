import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeVp8Config } from '../../vp8-config.js';
import { H264Builder } from './h264-builder.js';
import { Vp8Builder } from './vp8-builder.js';

const SPS = Buffer.from('6742c01f8c8d40501ed35060606078442350', 'hex');
const PPS = Buffer.from('68ce3c80', 'hex');
const lengthOf = (nal: Buffer) => Buffer.from([nal.length >> 8, nal.length & 0xff]);

/** As RFC 6184 §5.8 has it. */
function fragments(nal: Buffer, size: number): Buffer[] {
  const header = nal.readUInt8(0);
  const body = nal.subarray(1);
  const count = Math.ceil(body.length / size);
  return Array.from({ length: count }, (_, index) => {
    const flags = (index === 0 ? 0x80 : 0) | (index === count - 1 ? 0x40 : 0);
    const head = Buffer.from([(header & 0xe0) | 28, flags | (header & 0x1f)]);
    return Buffer.concat([head, body.subarray(index * size, (index + 1) * size)]);
  });
}

describe('H.264 payloads', () => {
  it('make the picture that was cut into them, with its decoder config', () => {
    const idr = fc.uint8Array({ minLength: 3, maxLength: 400 }).map((bytes) => Buffer.from([0x65, ...bytes]));
    fc.assert(
      fc.property(idr, fc.integer({ min: 1, max: 150 }), (nal, size) => {
        const builder = new H264Builder();
        const aggregate = Buffer.concat([Buffer.from([24]), lengthOf(SPS), SPS, lengthOf(PPS), PPS]);
        expect(builder.begins(aggregate)).toBe(true);
        const parts = nal.length - 1 > size ? fragments(nal, size) : [nal];
        for (const payload of [aggregate, ...parts]) expect(builder.add(payload)).toBe(true);
        const picture = builder.finish();
        expect(picture?.key).toBe(true);
        expect(picture?.config?.codec).toBe('h264');
        expect(picture?.data.subarray(4)).toEqual(nal);
      }),
    );
  });

  it('make no picture where a fragment is missing at either end or in between', () => {
    const parts = fragments(Buffer.concat([Buffer.from([0x65]), Buffer.alloc(30, 5)]), 10);
    const given = (...kept: number[]) => {
      const builder = new H264Builder();
      const taken = kept.map((index) => builder.add(parts[index] ?? Buffer.alloc(0)));
      return taken.every(Boolean) ? builder.finish() : null;
    };
    expect(given(0, 1, 2)?.key).toBe(true);
    expect(given(1, 2)).toBeNull();
    expect(given(0, 1)).toBeNull();
    expect(given(0, 0, 1, 2)).toBeNull();
  });

  it('refuse what mode 1 does not have', () => {
    for (const type of [0, 25, 26, 27, 29, 30, 31]) {
      expect(new H264Builder().add(Buffer.from([type, 1, 2, 3]))).toBe(false);
    }
    expect(new H264Builder().add(Buffer.concat([Buffer.from([24]), Buffer.from([0, 9, 1])]))).toBe(false);
  });

  it('never break or grow, whatever the bytes', () => {
    const payload = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 40 }), (payloads) => {
        const builder = new H264Builder();
        for (const one of payloads) {
          builder.begins(one);
          if (!builder.add(one)) builder.reset();
        }
        const total = payloads.reduce((bytes, one) => bytes + one.length + 8, 0);
        expect(builder.finish()?.data.length ?? 0).toBeLessThanOrEqual(total);
      }),
    );
  });
});

const KEY = Buffer.concat([Buffer.from('5000009d012a4001f000', 'hex'), Buffer.alloc(40, 3)]);
const first = (part: Buffer) => Buffer.concat([Buffer.from([0x10]), part]);
const later = (part: Buffer) => Buffer.concat([Buffer.from([0]), part]);

describe('VP8 payloads', () => {
  it('make the picture, with a config where its size is new', () => {
    const builder = new Vp8Builder();
    expect(builder.begins(first(KEY))).toBe(true);
    expect(builder.add(first(KEY.subarray(0, 20)))).toBe(true);
    expect(builder.add(later(KEY.subarray(20)))).toBe(true);
    const picture = builder.finish();
    expect(picture).toMatchObject({ key: true, data: KEY });
    expect(picture?.config?.data).toEqual(writeVp8Config(KEY));
    const again = Buffer.from(KEY);
    again.writeUInt8(0x70, 0);
    builder.add(first(again));
    expect(builder.finish()).toMatchObject({ key: true, config: null });
    const wider = Buffer.from(KEY);
    wider.writeUInt16LE(640, 6);
    builder.add(first(wider));
    expect(builder.finish()?.config?.data).toEqual(writeVp8Config(wider));
  });

  it('come off their descriptor, however long', () => {
    for (const descriptor of ['10', '9000', '908005', '90808105', '90e081050607', '90f081050607', '90100a']) {
      const builder = new Vp8Builder();
      const inter = Buffer.from([0x11, 2, 3]);
      expect(builder.add(Buffer.concat([Buffer.from(descriptor, 'hex'), inter])), descriptor).toBe(true);
      expect(builder.finish(), descriptor).toEqual({ config: null, key: false, data: inter });
    }
  });

  it('make no picture without its beginning, nor with a second one inside', () => {
    expect(new Vp8Builder().add(later(KEY))).toBe(false);
    const builder = new Vp8Builder();
    builder.add(first(KEY));
    expect(builder.add(first(KEY))).toBe(false);
  });

  it('never break, whatever the bytes', () => {
    const payload = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 20 }), (payloads) => {
        const builder = new Vp8Builder();
        for (const one of payloads) if (!builder.add(one)) builder.reset();
        builder.finish();
      }),
    );
  });
});
