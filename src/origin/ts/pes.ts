import { wrapped } from './clock-90k.js';

/** A PES packet (ISO/IEC 13818-1 §2.4.3.6) with what its transport packets must say. Times in ticks of 90 kHz, not wrapped. */
export interface PesPacket {
  readonly track: 'video' | 'audio';
  /** When the first of it is decoded. */
  readonly dts: number;
  readonly endDts: number;
  /** Decoding can start here: random_access_indicator. */
  readonly key: boolean;
  readonly bytes: Buffer;
}

export interface PesTimes {
  readonly dts: number;
  readonly pts: number;
  readonly endDts: number;
  readonly key: boolean;
}

const STREAM_ID = { video: 0xe0, audio: 0xc0 } as const;
const FIXED_BYTES = 9;
const LENGTH_MAX = 0xffff;
/**
 * A packet smaller than this is filled up by stuffing in its header, so that each can be spread over some 16 more transport
 * packets than it needs (see `packet-plan`).
 */
const SPREADABLE_BYTES = 46;

/**
 * A PES packet around `payloadBytes` bytes, which `fill` writes at the place that it is given. Its length is written where it
 * fits; only a picture may be longer, and then has none.
 */
export function makePes(
  track: 'video' | 'audio',
  times: PesTimes,
  payloadBytes: number,
  fill: (bytes: Buffer, at: number) => void,
): PesPacket {
  const { dts, pts, endDts, key } = times;
  const stampBytes = pts === dts ? 5 : 10;
  const stuffing = Math.max(0, SPREADABLE_BYTES - FIXED_BYTES - stampBytes - payloadBytes);
  const payloadAt = FIXED_BYTES + stampBytes + stuffing;
  const bytes = Buffer.allocUnsafe(payloadAt + payloadBytes);
  const length = bytes.length - 6;
  bytes.writeUInt32BE(0x100 | STREAM_ID[track], 0);
  bytes.writeUInt16BE(length > LENGTH_MAX ? 0 : length, 4);
  // Marker bits; data_alignment_indicator: it begins with an access unit.
  bytes[6] = 0x84;
  bytes[7] = pts === dts ? 0x80 : 0xc0;
  bytes[8] = payloadAt - FIXED_BYTES;
  writeStamp(bytes, FIXED_BYTES, pts === dts ? 2 : 3, pts);
  if (pts !== dts) writeStamp(bytes, FIXED_BYTES + 5, 1, dts);
  bytes.fill(0xff, FIXED_BYTES + stampBytes, payloadAt);
  fill(bytes, payloadAt);
  return { track, dts, endDts, key, bytes };
}

/** 33 bits in three groups, each with a marker behind it. */
function writeStamp(bytes: Buffer, at: number, prefix: number, ticks: number): void {
  const time = wrapped(ticks);
  bytes[at] = (prefix << 4) | (Math.floor(time / 2 ** 30) << 1) | 1;
  bytes.writeUInt16BE((((time / 2 ** 15) & 0x7fff) << 1) | 1, at + 1);
  bytes.writeUInt16BE(((time & 0x7fff) << 1) | 1, at + 3);
}
