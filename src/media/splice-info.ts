/**
 * Reads splice_info_sections (ANSI/SCTE 35 2023, §9): the cues by which broadcasters say where advertisements may go. Pure, and
 * never throws: the bytes are foreign. Whoever took the section off its stream has checked its CRC.
 */

/** A splice, or the edge of a segment of programme. */
export interface SpliceEvent {
  /** splice_event_id or segmentation_event_id. */
  readonly eventId: number;
  /** The event of this id that was announced does not take place. */
  readonly cancelled: boolean;
  /** segmentation_type_id; null for a splice_insert. */
  readonly segmentation: number | null;
  /** Away from the programme, back to it, or neither. */
  readonly point: 'out' | 'in' | 'other';
  /** As planned, 90 kHz ticks; null where it is not said. */
  readonly durationTicks: number | null;
}

export interface SpliceInfo {
  /** `encrypted`: nothing of it can be read but that it is there. `idle`: says nothing about a splice. */
  readonly command: 'insert' | 'time-signal' | 'idle' | 'encrypted' | 'other';
  /** The moment it speaks of, 90 kHz in 33 bits, pts_adjustment added; null: the moment at which it came. */
  readonly pts: number | null;
  readonly events: readonly SpliceEvent[];
}

const TABLE = 0xfc;
const HEAD_BYTES = 14;
const CRC_BYTES = 4;
const WRAP = 2 ** 33;
/** One section may describe many segments; more than this is no cue. */
const EVENTS_MAX = 32;
const CUEI = 0x4355_4549;
const SEGMENTATION_DESCRIPTOR = 2;

/** Null where it is no splice_info_section, or its lengths leave it. */
export function readSpliceInfo(section: Buffer): SpliceInfo | null {
  const end = 3 + ((section.length < 3 ? 0 : section.readUInt16BE(1)) & 0x0fff) - CRC_BYTES;
  if (section[0] !== TABLE || end < HEAD_BYTES + 2 || end + CRC_BYTES > section.length) return null;
  const bytes = new Reader(section, HEAD_BYTES, end);
  const isEncrypted = ((section[4] ?? 0) & 0x80) !== 0;
  if (isEncrypted) return { command: 'encrypted', pts: null, events: [] };
  const adjustment = ((section[4] ?? 0) & 1) * 2 ** 32 + section.readUInt32BE(5);
  const length = section.readUInt16BE(11) & 0x0fff;
  const info = readCommand(section[13] ?? 0xff, bytes, HEAD_BYTES + length);
  if (info === null || bytes.short) return null;
  return { ...info, pts: info.pts === null ? null : (info.pts + adjustment) % WRAP };
}

/** Table 7. The command types that are not read here are `other`. */
function readCommand(type: number, bytes: Reader, descriptorsAt: number): SpliceInfo | null {
  switch (type) {
    case 0x00:
    case 0x07:
      return { command: 'idle', pts: null, events: [] };
    case 0x05:
      return readInsert(bytes);
    case 0x06: {
      const pts = readSpliceTime(bytes);
      // Old encoders give no length (0xfff): then the descriptors follow the command.
      if (descriptorsAt < bytes.end) bytes.at = Math.max(bytes.at, descriptorsAt);
      return { command: 'time-signal', pts, events: readSegmentations(bytes) };
    }
    default:
      return { command: 'other', pts: null, events: [] };
  }
}

/** §9.7.3. */
function readInsert(bytes: Reader): SpliceInfo {
  const eventId = bytes.uint(4);
  const cancelled = (bytes.uint(1) & 0x80) !== 0;
  const none = { eventId, cancelled, segmentation: null, durationTicks: null };
  if (cancelled) return { command: 'insert', pts: null, events: [{ ...none, point: 'other' }] };
  const flags = bytes.uint(1);
  const [isOut, isWhole, hasDuration, isImmediate] = [0x80, 0x40, 0x20, 0x10].map((bit) => (flags & bit) !== 0);
  let pts: number | null = null;
  const components = isWhole ? 0 : bytes.uint(1);
  if (isWhole && !isImmediate) pts = readSpliceTime(bytes);
  for (let index = 0; index < components && !bytes.short; index++) {
    bytes.uint(1);
    const own = isImmediate ? null : readSpliceTime(bytes);
    pts ??= own;
  }
  const durationTicks = hasDuration ? ticks33(bytes) : null;
  return { command: 'insert', pts, events: [{ ...none, durationTicks, point: isOut ? 'out' : 'in' }] };
}

/** §9.8.1: a flag, and 33 bits where it is set. */
function readSpliceTime(bytes: Reader): number | null {
  return (bytes.peek() & 0x80) === 0 ? bytes.skip(1) : ticks33(bytes);
}

/** Seven bits of flags, and 33 bits of time. */
const ticks33 = (bytes: Reader): number => (bytes.uint(1) & 1) * 2 ** 32 + bytes.uint(4);

function readSegmentations(bytes: Reader): SpliceEvent[] {
  const events: SpliceEvent[] = [];
  const end = Math.min(bytes.end, bytes.at + 2 + bytes.uint(2));
  while (bytes.at + 2 <= end && events.length < EVENTS_MAX) {
    const tag = bytes.uint(1);
    const length = bytes.uint(1);
    const next = bytes.at + length;
    if (next > end) break;
    if (tag === SEGMENTATION_DESCRIPTOR && length >= 4 && bytes.uint(4) === CUEI) {
      const event = readSegmentation(new Reader(bytes.bytes, bytes.at, next));
      if (event !== null) events.push(event);
    }
    bytes.at = next;
  }
  return events;
}

/** §10.3.3, behind its identifier. */
function readSegmentation(bytes: Reader): SpliceEvent | null {
  const eventId = bytes.uint(4);
  const cancelled = (bytes.uint(1) & 0x80) !== 0;
  if (cancelled)
    return bytes.short ? null : { eventId, cancelled, segmentation: null, point: 'other', durationTicks: null };
  const flags = bytes.uint(1);
  if ((flags & 0x80) === 0) bytes.skip(6 * bytes.uint(1));
  const durationTicks = (flags & 0x40) === 0 ? null : bytes.uint(1) * 2 ** 32 + bytes.uint(4);
  bytes.skip(1);
  bytes.skip(bytes.uint(1));
  const segmentation = bytes.uint(1);
  return bytes.short ? null : { eventId, cancelled, segmentation, durationTicks, point: pointOf(segmentation) };
}

/** Table 23: breaks, advertisements, placement opportunities, promotions and blocks of advertisements; the odd type ends what the even one began. */
function pointOf(type: number): SpliceEvent['point'] {
  const isBreak = type === 0x22 || type === 0x23 || (type >= 0x30 && type <= 0x3f) || (type >= 0x44 && type <= 0x47);
  if (!isBreak) return 'other';
  return type % 2 === 0 ? 'out' : 'in';
}

/** Reads on to `end`; past it gives zeros and says so. */
class Reader {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;
  short = false;

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  peek(): number {
    if (this.at >= this.end) this.short = true;
    return this.short ? 0 : (this.bytes[this.at] ?? 0);
  }

  uint(size: 1 | 2 | 4): number {
    const at = this.at;
    this.at += size;
    if (this.at > this.end) this.short = true;
    return this.short ? 0 : this.bytes.readUIntBE(at, size);
  }

  skip(size: number): null {
    this.at += size;
    if (this.at > this.end) this.short = true;
    return null;
  }
}
