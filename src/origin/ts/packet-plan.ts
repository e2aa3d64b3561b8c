import { CLOCK_FIELD_BYTES, FLAGS_FIELD_BYTES, PACKET_ROOM } from './packet.js';
import type { PesPacket } from './pes.js';
import type { Program } from './psi.js';

/** What a segment is written as, in order. */
export type PlanStep =
  /** PAT and PMT, a packet each. */
  | { readonly kind: 'tables' }
  /** The clock alone, in a packet of the PID that carries it. */
  | { readonly kind: 'clock'; readonly ticks: number }
  /** A PES packet over so many transport packets. `clock`: in the first of them, or null. */
  | { readonly kind: 'pes'; readonly pes: PesPacket; readonly packets: number; readonly clock: number | null };

/** Counters count to 16. */
const ROUND = 16;
/** Tables come at least twice a second (ETSI TR 101 290 §5.2.1), and a round of them lasts for so long. */
const TABLES_ROUND_TICKS = ROUND * 45_000;
const TABLES_ROUNDS_MAX = 8;
/** ISO/IEC 13818-1 §2.7.2: the clock comes at least every 100 ms. */
const CLOCK_STEP = 9_000;
/** Packets with the clock alone in a segment, a minute and a half of them: a hole in the times that is longer is not filled. */
const CLOCKS_MAX = 1024;
/** How long before it is decoded a picture begins to arrive: the decoder's buffer fills for so long. */
const CLOCK_LEAD = 18_000;

/**
 * Lays a segment out: tables at its start and evenly over it, pictures and sound by their decode times, the clock with each
 * picture and wherever it is due (with the sound, where the program has no picture).
 *
 * Every PID gets a multiple of 16 packets with a payload, so that each segment begins with counters of 0 and ends with 15:
 * segments are made one by one, on whatever box, and yet any of them follows any other without a gap. The last PES packet of a
 * PID is therefore spread over up to 15 packets more than it needs, and there are as many tables.
 */
export function planSegment(program: Program, pes: readonly PesPacket[]): PlanStep[] {
  const carrier = program.videoType === null ? 'audio' : 'video';
  const ordered = inOrder(pes, carrier);
  const clock = new ClockPlan(ordered, carrier);
  const counts = packetCounts(ordered, (each) => clock.isOn(each));
  const tables = tableCount(ordered);
  const steps: PlanStep[] = [];
  let written = 0;
  for (const [index, each] of ordered.entries()) {
    for (const due = Math.ceil(((index + 1) * tables) / ordered.length); written < due; written += 1) {
      steps.push({ kind: 'tables' });
    }
    for (const ticks of clock.before(each)) steps.push({ kind: 'clock', ticks });
    const own = clock.isOn(each) ? each.dts - CLOCK_LEAD : null;
    steps.push({ kind: 'pes', pes: each, packets: counts.get(each) ?? 1, clock: own });
  }
  for (const ticks of clock.atEnd()) steps.push({ kind: 'clock', ticks });
  return steps;
}

/** Both tracks by decode time, each in its own order; what carries the clock goes first, and where times are alike. */
function inOrder(pes: readonly PesPacket[], carrier: PesPacket['track']): PesPacket[] {
  const carried = pes.filter(({ track }) => track === carrier);
  const ordered: PesPacket[] = [];
  let next = 0;
  for (const other of pes.filter(({ track }) => track !== carrier)) {
    for (let each = carried[next]; each !== undefined && (next === 0 || each.dts <= other.dts); each = carried[next]) {
      ordered.push(each);
      next += 1;
    }
    ordered.push(other);
  }
  return [...ordered, ...carried.slice(next)];
}

function tableCount(ordered: readonly PesPacket[]): number {
  const start = ordered.reduce((least, { dts }) => Math.min(least, dts), Number.POSITIVE_INFINITY);
  const end = ordered.reduce((most, { endDts }) => Math.max(most, endDts), start);
  return ROUND * Math.min(TABLES_ROUNDS_MAX, Math.max(1, Math.ceil((end - start) / TABLES_ROUND_TICKS)));
}

/** How many transport packets each PES packet takes. */
function packetCounts(
  ordered: readonly PesPacket[],
  hasClock: (pes: PesPacket) => boolean,
): ReadonlyMap<PesPacket, number> {
  const counts = new Map(ordered.map((each) => [each, packetsOf(each, hasClock(each))]));
  for (const track of ['video', 'audio'] as const) {
    const own = ordered.filter((each) => each.track === track);
    const last = own.at(-1);
    if (last === undefined) continue;
    const sum = own.reduce((total, each) => total + (counts.get(each) ?? 0), 0);
    counts.set(last, (counts.get(last) ?? 0) + ((ROUND - (sum % ROUND)) % ROUND));
  }
  return counts;
}

function packetsOf({ bytes, key }: PesPacket, hasClock: boolean): number {
  const room = PACKET_ROOM - (hasClock ? CLOCK_FIELD_BYTES : key ? FLAGS_FIELD_BYTES : 0);
  return 1 + Math.ceil(Math.max(0, bytes.length - room) / PACKET_ROOM);
}

/** When the clock is due. Where a segment lacks the pictures that should carry it, it comes before each packet of sound. */
class ClockPlan {
  readonly #carrier: PesPacket['track'];
  readonly #missing: boolean;
  /** The carrier's next packet, in the segment to come, may be decoded from here on: the clock must not run past it. */
  readonly #end: number;
  #last: number | null = null;
  #alone = 0;

  constructor(pes: readonly PesPacket[], carrier: PesPacket['track']) {
    const carried = pes.filter(({ track }) => track === carrier);
    this.#carrier = carrier;
    this.#missing = carried.length === 0;
    this.#end = carried.at(-1)?.endDts ?? Number.POSITIVE_INFINITY;
  }

  isOn({ track }: PesPacket): boolean {
    return track === this.#carrier;
  }

  before(pes: PesPacket): number[] {
    if (this.#missing) return [pes.dts - CLOCK_LEAD];
    const due = this.#dueBefore(Math.min(pes.dts, this.#end));
    if (this.isOn(pes)) this.#last = pes.dts;
    return due;
  }

  atEnd(): number[] {
    return this.#missing ? [] : this.#dueBefore(this.#end);
  }

  #dueBefore(dts: number): number[] {
    if (this.#last === null) return [];
    const due: number[] = [];
    while (this.#last + CLOCK_STEP < dts && this.#alone < CLOCKS_MAX) {
      this.#last += CLOCK_STEP;
      this.#alone += 1;
      due.push(this.#last - CLOCK_LEAD);
    }
    return due;
  }
}
