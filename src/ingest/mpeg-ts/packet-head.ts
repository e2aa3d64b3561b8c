import { PACKET_BYTES } from './packet-reader.js';

/** The head of one transport packet (ISO/IEC 13818-1 §2.4.3.2). One object is filled again and again: there are thousands a second. */
export class PacketHead {
  pid = 0;
  /** payload_unit_start_indicator: a section or a PES packet begins here. */
  unitStart = false;
  continuity = 0;
  /** discontinuity_indicator: the continuity counter may jump here. */
  discontinuity = false;
  /** Where the payload is; `start === end` where there is none. */
  start = 0;
  end = 0;

  /** False for a packet that can't be used: marked as damaged, scrambled, or an adaptation field that leaves the packet. */
  read(bytes: Buffer, at: number): boolean {
    const second = bytes[at + 1] ?? 0;
    const fourth = bytes[at + 3] ?? 0;
    if ((second & 0x80) !== 0 || (fourth & 0xc0) !== 0) return false;
    this.pid = ((second & 0x1f) << 8) | (bytes[at + 2] ?? 0);
    this.unitStart = (second & 0x40) !== 0;
    this.continuity = fourth & 0x0f;
    this.discontinuity = false;
    this.start = at + 4;
    this.end = at + PACKET_BYTES;
    if ((fourth & 0x20) !== 0) this.#readAdaptation(bytes, at);
    if ((fourth & 0x10) === 0) this.end = this.start;
    return this.start <= this.end;
  }

  /** §2.4.3.4. */
  #readAdaptation(bytes: Buffer, at: number): void {
    const length = bytes[at + 4] ?? 0;
    this.discontinuity = length > 0 && ((bytes[at + 5] ?? 0) & 0x80) !== 0;
    this.start = at + 5 + length;
  }
}
