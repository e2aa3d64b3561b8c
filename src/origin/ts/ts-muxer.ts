import { CLOCK_FIELD_BYTES, FLAGS_FIELD_BYTES, PACKET_BYTES, PACKET_ROOM, PID, writeHead } from './packet.js';
import { type PlanStep, planSegment } from './packet-plan.js';
import type { PesPacket } from './pes.js';
import { clockPid, type Program, patPacket, pmtPacket } from './psi.js';

/**
 * Writes a segment of an MPEG transport stream (ISO/IEC 13818-1) with one program. Pure: the same packets make the same bytes.
 * `pes`: those of each track in the order of decoding, at least one.
 */
export function muxSegment(program: Program, pes: readonly PesPacket[]): Buffer {
  const plan = planSegment(program, pes);
  const writer = new PacketWriter(program, plan);
  for (const step of plan) writer.write(step);
  return writer.bytes;
}

/** Writes the steps of a plan into a buffer of just their size, and counts each PID's packets. Lives for one segment. */
class PacketWriter {
  readonly bytes: Buffer;
  readonly #clockPid: number;
  readonly #pat = patPacket();
  readonly #pmt: Buffer;
  /** Of the next packet with a payload, by PID. */
  readonly #continuity = new Map<number, number>();
  #at = 0;

  constructor(program: Program, plan: readonly PlanStep[]) {
    this.#clockPid = clockPid(program);
    this.#pmt = pmtPacket(program);
    const packets = plan.reduce((sum, step) => sum + packetsIn(step), 0);
    this.bytes = Buffer.allocUnsafe(packets * PACKET_BYTES);
  }

  write(step: PlanStep): void {
    if (step.kind === 'clock') this.#writeClock(step.ticks);
    else if (step.kind === 'pes') this.#writePes(step.pes, step.packets, step.clock);
    else {
      this.#writeTable(this.#pat, PID.pat);
      this.#writeTable(this.#pmt, PID.pmt);
    }
  }

  #writeTable(packet: Buffer, pid: number): void {
    packet.copy(this.bytes, this.#at);
    this.bytes[this.#at + 3] = 0x10 | this.#count(pid);
    this.#at += PACKET_BYTES;
  }

  /** §2.4.3.3: a packet without a payload repeats the counter of the one before it. */
  #writeClock(ticks: number): void {
    const continuity = ((this.#continuity.get(this.#clockPid) ?? 0) + 15) & 15;
    const head = { pid: this.#clockPid, continuity, unitStart: false, randomAccess: false, clock: ticks };
    this.#at = writeHead(this.bytes, this.#at, head, 0);
  }

  /**
   * Each packet takes all that it can, but leaves a byte for each of those to come. The bytes are put where the last of them
   * belong, and moved forward from there packet by packet: this runs four thousand times for a megabyte.
   */
  #writePes({ track, bytes, key }: PesPacket, packets: number, clock: number | null): void {
    const pid = PID[track];
    const end = this.#at + packets * PACKET_BYTES;
    let from = end - bytes.length;
    bytes.copy(this.bytes, from);
    for (let left = packets - 1; left >= 0; left -= 1) {
      const unitStart = left === packets - 1;
      const field = !unitStart ? 0 : clock !== null ? CLOCK_FIELD_BYTES : key ? FLAGS_FIELD_BYTES : 0;
      const take = Math.min(PACKET_ROOM - field, end - from - left);
      const randomAccess = unitStart && key;
      const head = { pid, continuity: this.#count(pid), unitStart, randomAccess, clock: unitStart ? clock : null };
      const at = writeHead(this.bytes, this.#at, head, take);
      this.bytes.copyWithin(at, from, from + take);
      this.#at = at + take;
      from += take;
    }
  }

  #count(pid: number): number {
    const continuity = this.#continuity.get(pid) ?? 0;
    this.#continuity.set(pid, (continuity + 1) & 15);
    return continuity;
  }
}

function packetsIn(step: PlanStep): number {
  if (step.kind === 'tables') return 2;
  return step.kind === 'clock' ? 1 : step.packets;
}
