import type { CaptionChannels } from '../media/source-facts.js';
import { readSpliceInfo } from '../media/splice-info.js';
import { TIMED_METADATA_BYTES_MAX, type TimedMetadata, type TimedMetadataKind } from '../media/timed-metadata.js';
import { type DateRange, DateRanges } from './date-ranges.js';

/** One message as it came. */
export interface TimedEvent extends TimedMetadata {
  /** Counts from 0 within the broadcast. */
  readonly number: number;
  /** As planned or as it was, ms; null where it is not known, or where it is a moment. */
  readonly durationMs: number | null;
}

/** Of one broadcast; older messages go first. */
const EVENTS_MAX = 1000;
const BYTES_MAX = 512 * 1024;

/** As `serialise` writes it; `data` in base64. */
interface SerialEvents {
  readonly version: 1;
  readonly captions: CaptionChannels | null;
  readonly next: number;
  readonly events: readonly (readonly [number: number, atMs: number, kind: TimedMetadataKind, data: string])[];
}

/**
 * What the source of one broadcast told beside its picture and sound: cues, timed ID3, and which captions there are.
 *
 * Lifetime: from the first word of the broadcast for as long as its playlists are written; it may be written down and restored.
 * Memory: the newest thousand messages, half a mebibyte at most.
 */
export class TimedEvents {
  readonly broadcastId: string;
  readonly #ranges: DateRanges;
  #events: TimedEvent[] = [];
  #bytes = 0;
  #next = 0;
  #captions: CaptionChannels | null = null;

  constructor(broadcastId: string) {
    this.broadcastId = broadcastId;
    this.#ranges = new DateRanges(broadcastId);
  }

  /** What `serialise` wrote; null where it can't be read. */
  static restored(broadcastId: string, text: string): TimedEvents | null {
    try {
      const { captions, next, events } = JSON.parse(text) as SerialEvents;
      const restored = new TimedEvents(broadcastId);
      for (const [number, atMs, kind, data] of events.slice(-EVENTS_MAX)) {
        restored.#add(number, { atMs, kind, data: Buffer.from(data, 'base64') });
      }
      restored.#captions = captions;
      restored.#next = next;
      return restored;
    } catch {
      return null;
    }
  }

  serialise(): string {
    const events = this.#events.map(
      ({ number, atMs, kind, data }) => [number, atMs, kind, data.toString('base64')] as const,
    );
    return JSON.stringify({ version: 1, captions: this.#captions, next: this.#next, events } satisfies SerialEvents);
  }

  /** Null: none were found. */
  get captions(): CaptionChannels | null {
    return this.#captions;
  }

  /** All that were found so far. */
  noteCaptions(captions: CaptionChannels): void {
    this.#captions = captions;
  }

  add(metadata: TimedMetadata): void {
    if (metadata.data.length > TIMED_METADATA_BYTES_MAX) return;
    this.#add(this.#next++, metadata);
  }

  /** For HLS: see `DateRanges.within`. */
  dateRangesWithin(fromMs: number, toMs: number): DateRange[] {
    return this.#ranges.within(fromMs, toMs);
  }

  /** For DASH: the messages whose time overlaps this stretch of the timeline, ms, in the order in which they came. */
  eventsWithin(fromMs: number, toMs: number): TimedEvent[] {
    return this.#events.filter(({ atMs, durationMs }) => atMs < toMs && atMs + (durationMs ?? 0) >= fromMs);
  }

  #add(number: number, metadata: TimedMetadata): void {
    const before = this.#ranges.sources;
    if (this.#ranges.add(number, metadata)) {
      this.#events.push({ ...metadata, number, durationMs: durationOf(metadata) });
      this.#bytes += metadata.data.length;
    } else {
      this.#dropCancelled(before);
    }
    this.#bound();
  }

  /** A message all of whose ranges were called off says nothing any more. */
  #dropCancelled(before: ReadonlySet<number>): void {
    const { sources } = this.#ranges;
    this.#events = this.#events.filter(({ number }) => !before.has(number) || sources.has(number));
    this.#bytes = this.#events.reduce((sum, { data }) => sum + data.length, 0);
  }

  #bound(): void {
    while (this.#events.length > EVENTS_MAX || this.#bytes > BYTES_MAX) {
      this.#bytes -= this.#events.shift()?.data.length ?? 0;
      this.#ranges.forget(this.#events[0]?.number ?? this.#next);
    }
  }
}

function durationOf({ kind, data }: TimedMetadata): number | null {
  const ticks = kind === 'scte35' ? readSpliceInfo(data)?.events[0]?.durationTicks : null;
  return typeof ticks === 'number' ? Math.round(ticks / 90) : null;
}
