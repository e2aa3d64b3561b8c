import { wrapped } from './clock-90k.js';

export const PACKET_BYTES = 188;
/** Behind the four bytes of a packet's head. */
export const PACKET_ROOM = 184;

/** Free choices above the reserved ones (ISO/IEC 13818-1 Table 2-3). */
export const PID = { pat: 0x0000, pmt: 0x1000, video: 0x0100, audio: 0x0101 } as const;

/** Length, flags and the clock of an adaptation field. */
export const CLOCK_FIELD_BYTES = 8;
/** Length and flags. */
export const FLAGS_FIELD_BYTES = 2;

/** What stands in front of a packet's payload. */
export interface PacketHead {
  readonly pid: number;
  /** 0 to 15. */
  readonly continuity: number;
  /** A PES packet begins here. */
  readonly unitStart: boolean;
  readonly randomAccess: boolean;
  /** Ticks of 90 kHz, not wrapped; null: no clock. */
  readonly clock: number | null;
}

/**
 * Writes a packet's head and its adaptation field, stuffed so that `payloadBytes` fill the rest (ISO/IEC 13818-1 §2.4.3.2 to
 * §2.4.3.5). The payload must leave room for what the head says.
 *
 * @returns where the payload belongs.
 */
export function writeHead(out: Buffer, at: number, head: PacketHead, payloadBytes: number): number {
  const fieldBytes = PACKET_ROOM - payloadBytes;
  const control = (payloadBytes > 0 ? 0x10 : 0) | (fieldBytes > 0 ? 0x20 : 0);
  const word = (0x47 << 24) | (head.unitStart ? 1 << 22 : 0) | (head.pid << 8) | control | head.continuity;
  out.writeUInt32BE(word >>> 0, at);
  if (fieldBytes > 0) writeField(out, at + 4, head, fieldBytes);
  return at + 4 + fieldBytes;
}

/** A field of one byte is its length alone. */
function writeField(out: Buffer, at: number, { randomAccess, clock }: PacketHead, fieldBytes: number): void {
  out[at] = fieldBytes - 1;
  if (fieldBytes === 1) return;
  out[at + 1] = (randomAccess ? 0x40 : 0) | (clock === null ? 0 : 0x10);
  const used = clock === null ? FLAGS_FIELD_BYTES : CLOCK_FIELD_BYTES;
  if (clock !== null) writeClock(out, at + 2, clock);
  out.fill(0xff, at + used, at + fieldBytes);
}

/** The program clock reference (§2.4.3.5): 33 bits of 90 kHz, six reserved ones, and nothing of the 27 MHz. */
function writeClock(out: Buffer, at: number, ticks: number): void {
  const base = wrapped(ticks);
  out.writeUInt32BE(Math.floor(base / 2), at);
  out[at + 4] = ((base % 2) << 7) | 0x7e;
  out[at + 5] = 0;
}
