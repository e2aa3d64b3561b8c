/** The head of a PES packet (ISO/IEC 13818-1 §2.4.3.6). */
export interface PesHead {
  /** 33-bit counts of 90 kHz; null where there is none. */
  readonly pts: number | null;
  readonly dts: number | null;
  /** Where the payload begins. */
  readonly start: number;
  /** Bytes of payload; null where the packet goes on until the next one begins (allowed for video). */
  readonly payloadBytes: number | null;
}

const FIXED_BYTES = 9;
/** Bytes after the length field that belong to the fixed part. */
const COUNTED_BYTES = 3;
const TIME_BYTES = 5;

/** Null where no PES packet begins at `at`, or its head is not whole before `end`. */
export function readPesHead(bytes: Buffer, at: number, end: number): PesHead | null {
  if (at + FIXED_BYTES > end || bytes.readUIntBE(at, 3) !== 1 || ((bytes[at + 6] ?? 0) & 0xc0) !== 0x80) return null;
  const flags = (bytes[at + 7] ?? 0) >> 6;
  const headBytes = bytes[at + 8] ?? 0;
  const start = at + FIXED_BYTES + headBytes;
  const timesEnd = at + FIXED_BYTES + (flags & 2 ? TIME_BYTES : 0) + (flags === 3 ? TIME_BYTES : 0);
  if (start > end || timesEnd > start) return null;
  const length = bytes.readUInt16BE(at + 4);
  const payloadBytes = length === 0 ? null : length - COUNTED_BYTES - headBytes;
  if (payloadBytes !== null && payloadBytes < 0) return null;
  const pts = (flags & 2) !== 0 ? readTime(bytes, at + FIXED_BYTES) : null;
  const dts = flags === 3 ? readTime(bytes, at + FIXED_BYTES + TIME_BYTES) : null;
  return { pts, dts, start, payloadBytes };
}

/** 3 + 15 + 15 bits with marker bits between. */
function readTime(bytes: Buffer, at: number): number {
  const high = ((bytes[at] ?? 0) >> 1) & 7;
  return high * 2 ** 30 + (bytes.readUInt16BE(at + 1) >> 1) * 2 ** 15 + (bytes.readUInt16BE(at + 3) >> 1);
}
