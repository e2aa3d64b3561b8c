/**
 * What a broadcast's cues amount to: ranges of time, as EXT-X-DATERANGE tells them (RFC 8216bis §4.4.5.1.1, "Mapping SCTE-35
 * into EXT-X-DATERANGE"). A splice out opens a range that the splice in of the same event closes; what is neither is a range
 * of its own. Times are ms of the broadcast's timeline.
 */
import { readSpliceInfo, type SpliceEvent, type SpliceInfo } from '../media/splice-info.js';
import type { TimedMetadata } from '../media/timed-metadata.js';

export interface DateRange {
  /** Unique among all broadcasts. */
  readonly id: string;
  readonly startMs: number;
  readonly plannedMs: number | null;
  /** Null: not known, or (`command`, `id3`) it is a moment. */
  readonly endMs: number | null;
  /** `splice`: `data` took the viewer out, and `back` brought him in again, once that is known. */
  readonly kind: 'splice' | 'command' | 'id3';
  readonly data: Buffer;
  readonly back: Buffer | null;
}

/** `source`, `backSource`: the numbers of the messages that opened and closed it; `key`: the event and its type. */
interface KnownRange extends DateRange {
  readonly source: number;
  readonly key: string;
  endMs: number | null;
  back: Buffer | null;
  backSource: number | null;
}

/** The same event told again, by a message that is not quite the same. */
const SAME_MS = 500;

/**
 * The ranges of one broadcast, in the order in which they were told.
 *
 * Lifetime: one broadcast. As many ranges as its messages made; `forget` drops those of old messages.
 */
export class DateRanges {
  readonly #broadcastId: string;
  #ranges: KnownRange[] = [];

  constructor(broadcastId: string) {
    this.#broadcastId = broadcastId;
  }

  /** False where the message says nothing new, or only takes back what others said. */
  add(source: number, { kind, atMs, data }: TimedMetadata): boolean {
    if (kind === 'id3') {
      this.#ranges.push(this.#rangeOf({ source, key: '', startMs: atMs, plannedMs: null, kind, data }));
      return true;
    }
    const info: SpliceInfo = readSpliceInfo(data) ?? { command: 'other', pts: null, events: [] };
    if (info.events.length === 0) return this.#note(source, 'command', '', atMs, data, null);
    return info.events.map((event) => this.#addEvent(source, event, atMs, data)).includes(true);
  }

  /** Of messages before this one. */
  forget(source: number): void {
    this.#ranges = this.#ranges.filter((range) => range.source >= source);
  }

  /** Messages that opened or closed a range. */
  get sources(): ReadonlySet<number> {
    return new Set(this.#ranges.flatMap(({ source, backSource }) => [source, backSource ?? source]));
  }

  /** Those that overlap this stretch of the timeline, ms; a splice without a known or planned end lasts. */
  within(fromMs: number, toMs: number): DateRange[] {
    return this.#ranges.filter((range) => range.startMs < toMs && endOf(range) >= fromMs);
  }

  #addEvent(source: number, event: SpliceEvent, atMs: number, data: Buffer): boolean {
    const { eventId, cancelled, point, segmentation, durationTicks } = event;
    const plannedMs = durationTicks === null ? null : Math.round(durationTicks / 90);
    const type = segmentation === null ? 'insert' : String(segmentation);
    if (cancelled) return this.#cancel(eventId, atMs);
    if (point === 'out') return this.#note(source, 'splice', `${eventId}/${type}`, atMs, data, plannedMs);
    if (point === 'other') return this.#note(source, 'command', `${eventId}/${type}`, atMs, data, plannedMs);
    const opener = `${eventId}/${segmentation === null ? type : segmentation - 1}`;
    return (
      this.#close(source, opener, atMs, data) ?? this.#note(source, 'command', `${eventId}/${type}`, atMs, data, null)
    );
  }

  #note(
    ...[source, kind, key, startMs, data, plannedMs]: [
      number,
      'splice' | 'command',
      string,
      number,
      Buffer,
      number | null,
    ]
  ): boolean {
    const isSame = (range: KnownRange) => range.key === key && Math.abs(range.startMs - startMs) <= SAME_MS;
    if (key !== '' && this.#ranges.some(isSame)) return false;
    this.#ranges.push(this.#rangeOf({ source, key, startMs, plannedMs, kind, data }));
    return true;
  }

  /** Null: nothing was open. */
  #close(source: number, key: string, atMs: number, data: Buffer): boolean | null {
    const isOpener = (range: KnownRange) => range.kind === 'splice' && range.key === key && range.startMs <= atMs;
    const opened = this.#ranges.findLast(isOpener);
    if (opened === undefined) return null;
    if (opened.endMs !== null) return Math.abs(opened.endMs - atMs) <= SAME_MS ? false : null;
    opened.endMs = atMs;
    opened.back = data;
    opened.backSource = source;
    return true;
  }

  /** What is called off does not appear; what has begun did take place. */
  #cancel(eventId: number, atMs: number): false {
    const isOff = ({ key, startMs }: KnownRange) => key.startsWith(`${eventId}/`) && startMs >= atMs;
    this.#ranges = this.#ranges.filter((range) => !isOff(range));
    return false;
  }

  #rangeOf(range: Omit<KnownRange, 'id' | 'endMs' | 'back' | 'backSource'>): KnownRange {
    const { source, key, kind } = range;
    const name = kind === 'id3' ? 'id3' : `splice-${key.replace('/', '-') || 'command'}`;
    return { ...range, id: `${name}-${this.#broadcastId}-${source}`, endMs: null, back: null, backSource: null };
  }
}

function endOf({ kind, startMs, endMs, plannedMs }: DateRange): number {
  if (endMs !== null) return endMs;
  if (plannedMs !== null) return startMs + plannedMs;
  return kind === 'splice' ? Number.POSITIVE_INFINITY : startMs;
}
