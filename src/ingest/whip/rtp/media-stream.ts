import { PacketBuffer } from './packet-buffer.js';
import { Reception } from './reception.js';
import type { ReportBlock } from './rtcp-writer.js';
import { type RtpPacket, readRetransmission } from './rtp-packet.js';

export interface MediaStreamOptions {
  readonly payloadType: number;
  /** Of retransmissions in a stream of their own (RFC 4588); null: none were agreed on. */
  readonly retransmissionType: number | null;
  /** Timestamp units per second. */
  readonly rate: number;
  readonly reorderMs: number;
  readonly giveUpMs: number;
  readonly onPacket: (packet: RtpPacket, afterGap: boolean) => void;
  /** Another source took the stream over: its numbers and times have nothing to do with those before. */
  readonly onSource: (nowMs: number) => void;
}

interface Source {
  readonly ssrc: number;
  readonly buffer: PacketBuffer;
  readonly reception: Reception;
}

/** A stray packet of an old source must not take the stream back. */
const SWITCH_AFTER = 3;

/**
 * One media section's packets, whichever synchronization source sends them: found by payload type, which is one section's
 * alone within a bundle (RFC 8843 §9.2), since not every publisher announces its sources.
 *
 * Lifetime: one session. A new source takes over after three packets in a row.
 */
export class MediaStream {
  readonly #options: MediaStreamOptions;
  #source: Source | null = null;
  #strange = { ssrc: 0, count: 0 };
  #lostBefore = 0;
  #recoveredBefore = 0;
  #expectedBefore = 0;

  constructor(options: MediaStreamOptions) {
    this.#options = options;
  }

  get ssrc(): number | null {
    return this.#source?.ssrc ?? null;
  }

  get buffer(): PacketBuffer | null {
    return this.#source?.buffer ?? null;
  }

  /** Over all sources. */
  get totals(): { readonly expected: number; readonly lost: number; readonly recovered: number } {
    const buffer = this.#source?.buffer;
    return {
      expected: this.#expectedBefore + (buffer?.expected ?? 0),
      lost: this.#lostBefore + (buffer?.lost ?? 0),
      recovered: this.#recoveredBefore + (buffer?.recovered ?? 0),
    };
  }

  /** False where the packet is not of this stream. */
  take(packet: RtpPacket, nowMs: number): boolean {
    const { payloadType, retransmissionType } = this.#options;
    if (packet.payloadType === payloadType) {
      const source = this.#sourceOf(packet.ssrc, nowMs);
      source?.reception.arrived(packet, nowMs);
      source?.buffer.push(packet, nowMs);
      return true;
    }
    if (packet.payloadType !== retransmissionType) return false;
    const original =
      this.#source === null ? null : readRetransmission(packet, { payloadType, ssrc: this.#source.ssrc });
    if (original !== null) this.#source?.buffer.push(original, nowMs);
    return true;
  }

  senderReported(ssrc: number, middle32: number, nowMs: number): boolean {
    if (this.#source?.ssrc !== ssrc) return false;
    this.#source.reception.senderReported(middle32, nowMs);
    return true;
  }

  report(nowMs: number): ReportBlock | null {
    return this.#source === null ? null : this.#source.reception.report(this.#source.buffer, nowMs);
  }

  #sourceOf(ssrc: number, nowMs: number): Source | null {
    if (this.#source === null || this.#source.ssrc === ssrc) {
      this.#strange.count = 0;
      this.#source ??= this.#open(ssrc, nowMs);
      return this.#source;
    }
    const count = this.#strange.ssrc === ssrc ? this.#strange.count + 1 : 1;
    this.#strange = { ssrc, count };
    if (count < SWITCH_AFTER) return null;
    this.#keepTotals();
    this.#source = this.#open(ssrc, nowMs);
    return this.#source;
  }

  #keepTotals(): void {
    const { expected, lost, recovered } = this.totals;
    this.#expectedBefore = expected;
    this.#lostBefore = lost;
    this.#recoveredBefore = recovered;
  }

  #open(ssrc: number, nowMs: number): Source {
    const { rate, reorderMs, giveUpMs, onPacket, onSource } = this.#options;
    onSource(nowMs);
    return { ssrc, buffer: new PacketBuffer({ reorderMs, giveUpMs, onPacket }), reception: new Reception(ssrc, rate) };
  }
}
