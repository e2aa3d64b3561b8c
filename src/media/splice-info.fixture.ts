/** splice_info_sections made by hand, field by field, for tests. */

export interface SegmentationFields {
  readonly eventId: number;
  readonly type: number;
  readonly cancelled?: boolean;
  readonly durationTicks?: number;
}

/** `pts` null: without a time. */
export function spliceInsert(fields: {
  eventId: number;
  out: boolean;
  pts: number | null;
  breakTicks?: number;
  adjustment?: number;
}): Buffer {
  const { eventId, out, pts, breakTicks, adjustment = 0 } = fields;
  const flags = (out ? 0x80 : 0) | 0x40 | (breakTicks === undefined ? 0 : 0x20) | (pts === null ? 0x10 : 0) | 0x0f;
  const time = pts === null ? [] : time33(0xfe, pts);
  const length = breakTicks === undefined ? [] : time33(0xfe, breakTicks);
  return section(0x05, [...u32(eventId), 0x7f, flags, ...time, ...length, 0, 1, 0, 0], [], adjustment);
}

export const spliceCancel = (eventId: number): Buffer => section(0x05, [...u32(eventId), 0xff], [], 0);
export const spliceNull = (): Buffer => section(0x00, [], [], 0);

export function timeSignal(pts: number | null, segmentations: readonly SegmentationFields[]): Buffer {
  const descriptors = segmentations.flatMap(({ eventId, type, cancelled = false, durationTicks }) => {
    const length =
      durationTicks === undefined ? [] : [Math.floor(durationTicks / 2 ** 32), ...u32(durationTicks % 2 ** 32)];
    const flags = 0xbf | (durationTicks === undefined ? 0 : 0x40);
    const rest = cancelled ? [0xff] : [0x7f, flags, ...length, 0, 0, type, 1, 1];
    const body = [...Buffer.from('CUEI'), ...u32(eventId), ...rest];
    return [2, body.length, ...body];
  });
  return section(0x06, pts === null ? [0x7f] : time33(0xfe, pts), descriptors, 0);
}

export function section(
  command: number,
  body: readonly number[],
  descriptors: readonly number[],
  adjustment: number,
  encrypted = false,
): Buffer {
  const head = [0, (encrypted ? 0x80 : 0) | Math.floor(adjustment / 2 ** 32), ...u32(adjustment % 2 ** 32), 0];
  const size = [0xff, 0xf0 | (body.length >> 8), body.length & 0xff, command];
  const rest = [...head, ...size, ...body, descriptors.length >> 8, descriptors.length & 0xff, ...descriptors];
  const length = rest.length + 4;
  const bytes = Buffer.from([0xfc, 0x30 | (length >> 8), length & 0xff, ...rest, 0, 0, 0, 0]);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

function time33(flags: number, ticks: number): number[] {
  return [flags | Math.floor(ticks / 2 ** 32), ...u32(ticks % 2 ** 32)];
}

function u32(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
}

/** ISO/IEC 13818-1 Annex A, bit by bit. */
function crc32(bytes: Buffer): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c1_1db7 : 0);
  }
  return crc >>> 0;
}
