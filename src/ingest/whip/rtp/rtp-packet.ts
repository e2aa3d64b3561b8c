/** One RTP packet (RFC 3550 §5.1), padding and header extensions taken off. `payload` is a view of what was parsed. */
export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits. */
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
}

const HEADER_BYTES = 12;

/** Null for what is no RTP packet. Never throws: the bytes are foreign. */
export function readRtpPacket(bytes: Buffer): RtpPacket | null {
  if (bytes.length < HEADER_BYTES || bytes.readUInt8(0) >> 6 !== 2) return null;
  const first = bytes.readUInt8(0);
  const start = payloadStart(bytes, first);
  if (start === null) return null;
  const end = (first & 0x20) === 0 ? bytes.length : bytes.length - bytes.readUInt8(bytes.length - 1);
  // Padding counts itself, so a count of 0 is none (§5.1).
  if (end < start || ((first & 0x20) !== 0 && end === bytes.length)) return null;
  return {
    payloadType: bytes.readUInt8(1) & 0x7f,
    marker: (bytes.readUInt8(1) & 0x80) !== 0,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: bytes.subarray(start, end),
  };
}

/** After the contributing sources and the header extension (§5.3.1). */
function payloadStart(bytes: Buffer, first: number): number | null {
  const afterSources = HEADER_BYTES + (first & 0x0f) * 4;
  if ((first & 0x10) === 0) return afterSources <= bytes.length ? afterSources : null;
  if (afterSources + 4 > bytes.length) return null;
  const afterExtension = afterSources + 4 + bytes.readUInt16BE(afterSources + 2) * 4;
  return afterExtension <= bytes.length ? afterExtension : null;
}

/** RTP and RTCP share the transport; RTCP's packet types stand where RTP has marker and payload type (RFC 5761 §4). */
export function isRtcp(bytes: Buffer): boolean {
  const type = bytes[1] ?? 0;
  return type >= 192 && type <= 223;
}

/** A retransmission in its own stream (RFC 4588 §4): the original packet, or null for what carries none (bandwidth probes). */
export function readRetransmission(
  packet: RtpPacket,
  original: { payloadType: number; ssrc: number },
): RtpPacket | null {
  if (packet.payload.length < 2) return null;
  const { payloadType, ssrc } = original;
  const sequence = packet.payload.readUInt16BE(0);
  return { ...packet, payloadType, ssrc, sequence, payload: packet.payload.subarray(2) };
}
