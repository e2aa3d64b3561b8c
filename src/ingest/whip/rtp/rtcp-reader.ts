/** What the sender reports that matters here (RFC 3550 §6.4.1, RFC 3611 §4.5); everything else in RTCP is skipped. */
export type RtcpReport =
  /** The sender's clock and the stream's clock at one moment. */
  | {
      readonly kind: 'sender';
      readonly ssrc: number;
      readonly ntpMs: number;
      readonly middle32: number;
      readonly rtpTime: number;
    }
  /** The answer to our receiver reference time: when it was sent and how long it lay there, both in 1/65536 s. */
  | { readonly kind: 'delay'; readonly lastReport: number; readonly delay: number };

const SENDER_REPORT = 200;
const EXTENDED_REPORT = 207;
const DLRR_BLOCK = 5;
/** A compound packet fits a datagram; a stranger one is read no further. */
const REPORTS_MAX = 32;

/** Never throws; what can't be read ends the reading. */
export function readRtcp(bytes: Buffer): RtcpReport[] {
  const reports: RtcpReport[] = [];
  let at = 0;
  while (at + 4 <= bytes.length && reports.length < REPORTS_MAX && bytes.readUInt8(at) >> 6 === 2) {
    const end = at + 4 + bytes.readUInt16BE(at + 2) * 4;
    if (end > bytes.length) break;
    const type = bytes.readUInt8(at + 1);
    const packet = bytes.subarray(at, end);
    if (type === SENDER_REPORT && packet.length >= 28) reports.push(senderReport(packet));
    if (type === EXTENDED_REPORT) reports.push(...delayReports(packet));
    at = end;
  }
  return reports;
}

function senderReport(packet: Buffer): RtcpReport {
  const seconds = packet.readUInt32BE(8);
  const fraction = packet.readUInt32BE(12);
  return {
    kind: 'sender',
    ssrc: packet.readUInt32BE(4),
    ntpMs: seconds * 1000 + (fraction * 1000) / 2 ** 32,
    middle32: (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0,
    rtpTime: packet.readUInt32BE(16),
  };
}

function delayReports(packet: Buffer): RtcpReport[] {
  const found: RtcpReport[] = [];
  let at = 8;
  while (at + 4 <= packet.length && found.length < REPORTS_MAX) {
    const end = at + 4 + packet.readUInt16BE(at + 2) * 4;
    if (end > packet.length) break;
    if (packet.readUInt8(at) === DLRR_BLOCK && end - at >= 16) {
      found.push({ kind: 'delay', lastReport: packet.readUInt32BE(at + 8), delay: packet.readUInt32BE(at + 12) });
    }
    at = end;
  }
  return found;
}
