/** The RTCP that a receiver sends, as plain bytes. Our own SSRC is 1 in all of it: we send no media that it could clash with. */
const OUR_SSRC = 1;

export interface ReportBlock {
  readonly ssrc: number;
  /** Since the last report, 0 to 1. */
  readonly fractionLost: number;
  readonly lostTotal: number;
  readonly highestSequence: number;
  /** In timestamp units. */
  readonly jitter: number;
  /** Middle 32 bits of the last sender report's time; 0: none yet. */
  readonly lastReport: number;
  /** Since that report, ms. */
  readonly sinceLastReportMs: number;
}

/** RFC 3550 §6.4.2. */
export function writeReceiverReport(blocks: readonly ReportBlock[]): Buffer {
  const bytes = header(201, blocks.length, 4 + blocks.length * 24);
  blocks.forEach((block, index) => {
    const at = 8 + index * 24;
    const lost = Math.max(-0x800000, Math.min(0x7fffff, block.lostTotal)) & 0xffffff;
    bytes.writeUInt32BE(block.ssrc, at);
    bytes.writeUInt32BE(((Math.min(255, Math.floor(block.fractionLost * 256)) << 24) | lost) >>> 0, at + 4);
    bytes.writeUInt32BE(block.highestSequence % 2 ** 32, at + 8);
    bytes.writeUInt32BE(Math.round(block.jitter) % 2 ** 32, at + 12);
    bytes.writeUInt32BE(block.lastReport, at + 16);
    bytes.writeUInt32BE(Math.round((block.sinceLastReportMs * 65_536) / 1000) % 2 ** 32, at + 20);
  });
  return bytes;
}

/** Extended report with a receiver reference time (RFC 3611 §4.4), which the sender answers: that gives the round trip. */
export function writeReferenceTime(nowMs: number): Buffer {
  const bytes = header(207, 0, 4 + 12);
  bytes.writeUInt8(4, 8);
  bytes.writeUInt16BE(2, 10);
  bytes.writeUInt32BE(Math.floor(nowMs / 1000) % 2 ** 32, 12);
  bytes.writeUInt32BE(Math.floor(((nowMs % 1000) / 1000) * 2 ** 32), 16);
  return bytes;
}

/** The middle 32 bits of that time, as they come back. */
export function middle32(nowMs: number): number {
  return Math.floor((nowMs / 1000) * 65_536) % 2 ** 32;
}

/** The most lost packets that one message names. */
export const NACKED_MAX = 255;

/** Generic negative acknowledgement (RFC 4585 §6.2.1) of 16-bit sequence numbers, which must be in order. */
export function writeNack(ssrc: number, sequences: readonly number[]): Buffer {
  const items: number[][] = [];
  for (const sequence of sequences.slice(0, NACKED_MAX)) {
    const item = items.at(-1);
    const distance = item === undefined ? 0 : (sequence - (item[0] ?? 0) + 65_536) % 65_536;
    if (item !== undefined && distance >= 1 && distance <= 16) item[1] = (item[1] ?? 0) | (1 << (distance - 1));
    else items.push([sequence, 0]);
  }
  const bytes = header(205, 1, 8 + items.length * 4);
  bytes.writeUInt32BE(ssrc, 8);
  items.forEach(([first = 0, following = 0], index) => {
    bytes.writeUInt16BE(first, 12 + index * 4);
    bytes.writeUInt16BE(following, 14 + index * 4);
  });
  return bytes;
}

/** Picture loss indication (RFC 4585 §6.3.1): asks for a key. */
export function writePli(ssrc: number): Buffer {
  const bytes = header(206, 1, 8);
  bytes.writeUInt32BE(ssrc, 8);
  return bytes;
}

/** Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03 §2.2). */
export function writeRemb(ssrcs: readonly number[], bitsPerSecond: number): Buffer {
  const bytes = header(206, 15, 16 + ssrcs.length * 4);
  let mantissa = Math.max(0, Math.floor(bitsPerSecond));
  let exponent = 0;
  while (mantissa > 0x3ffff) {
    mantissa = Math.floor(mantissa / 2);
    exponent++;
  }
  bytes.write('REMB', 12, 'latin1');
  bytes.writeUInt8(ssrcs.length, 16);
  bytes.writeUInt8((exponent << 2) | (mantissa >> 16), 17);
  bytes.writeUInt16BE(mantissa & 0xffff, 18);
  ssrcs.forEach((ssrc, index) => {
    bytes.writeUInt32BE(ssrc, 20 + index * 4);
  });
  return bytes;
}

/** `bodyBytes`: all after the first four, our SSRC included. */
function header(type: number, count: number, bodyBytes: number): Buffer {
  const bytes = Buffer.alloc(4 + bodyBytes);
  bytes.writeUInt8(0x80 | count, 0);
  bytes.writeUInt8(type, 1);
  bytes.writeUInt16BE(bodyBytes / 4, 2);
  bytes.writeUInt32BE(OUR_SSRC, 4);
  return bytes;
}
