import type { RtpPacket } from './rtp-packet.js';

export function packetOf(fields: Partial<RtpPacket> & { readonly sequence: number }): RtpPacket {
  return { payloadType: 96, marker: false, timestamp: 0, ssrc: 7, payload: Buffer.from([1]), ...fields };
}

/** The bytes of a packet without padding or extensions. */
export function bytesOf({ payloadType, marker, sequence, timestamp, ssrc, payload }: RtpPacket): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt8(0x80, 0);
  head.writeUInt8((marker ? 0x80 : 0) | payloadType, 1);
  head.writeUInt16BE(sequence, 2);
  head.writeUInt32BE(timestamp, 4);
  head.writeUInt32BE(ssrc, 8);
  return Buffer.concat([head, payload]);
}
