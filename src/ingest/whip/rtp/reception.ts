import type { PacketBuffer } from './packet-buffer.js';
import type { ReportBlock } from './rtcp-writer.js';
import type { RtpPacket } from './rtp-packet.js';

/**
 * How well one stream arrives: what a receiver report says of it (RFC 3550 §6.4.1), and what the operator is told.
 *
 * Lifetime: one synchronization source.
 */
export class Reception {
  readonly #ssrc: number;
  readonly #rate: number;
  #jitter = 0;
  #transit: number | null = null;
  #lastReport = 0;
  #lastReportMs = 0;
  #expectedBefore = 0;
  #lostBefore = 0;

  constructor(ssrc: number, rate: number) {
    this.#ssrc = ssrc;
    this.#rate = rate;
  }

  /** §A.8. */
  arrived(packet: RtpPacket, nowMs: number): void {
    const transit = (nowMs * this.#rate) / 1000 - packet.timestamp;
    const change = this.#transit === null ? 0 : Math.abs(transit - this.#transit);
    this.#transit = transit;
    // A timestamp that wrapped or jumped says nothing about the network.
    if (change < this.#rate * 10) this.#jitter += (change - this.#jitter) / 16;
  }

  senderReported(middle32: number, nowMs: number): void {
    this.#lastReport = middle32;
    this.#lastReportMs = nowMs;
  }

  /** The block for the report of now; begins a new interval. */
  report(buffer: PacketBuffer, nowMs: number): ReportBlock {
    const expected = buffer.expected - this.#expectedBefore;
    const lost = buffer.lost - this.#lostBefore;
    this.#expectedBefore = buffer.expected;
    this.#lostBefore = buffer.lost;
    return {
      ssrc: this.#ssrc,
      fractionLost: expected > 0 ? Math.min(1, Math.max(0, lost / expected)) : 0,
      lostTotal: buffer.lost - buffer.recovered,
      highestSequence: buffer.highestSequence ?? 0,
      jitter: this.#jitter,
      lastReport: this.#lastReport,
      sinceLastReportMs: this.#lastReport === 0 ? 0 : nowMs - this.#lastReportMs,
    };
  }
}
