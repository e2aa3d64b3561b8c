import type { CaptionChannels } from '../media/source-facts.js';
import type { TimedMetadata } from '../media/timed-metadata.js';
import { TimedEvents } from './timed-events.js';

/** Broadcasts whose messages are kept; those that were spoken of longest ago go first. */
const BROADCASTS_MAX = 128;

/** What was told of each broadcast. Lives as long as the origin; a broadcast may be told of before its first run. */
export class TimedEventShelf {
  readonly #broadcasts = new Map<string, TimedEvents>();

  add(broadcastId: string, { atMs, kind, data }: TimedMetadata): void {
    this.#open(broadcastId).add({ atMs, kind, data });
  }

  noteCaptions(broadcastId: string, captions: CaptionChannels): void {
    this.#open(broadcastId).noteCaptions(captions);
  }

  /** Null: nothing was told. */
  of(broadcastId: string): TimedEvents | null {
    return this.#broadcasts.get(broadcastId) ?? null;
  }

  /** Of a broadcast that a disk remembers; what has been told since its start stays. */
  restore(events: TimedEvents): void {
    if (!this.#broadcasts.has(events.broadcastId)) this.#put(events);
  }

  #open(broadcastId: string): TimedEvents {
    const events = this.#broadcasts.get(broadcastId) ?? new TimedEvents(broadcastId);
    this.#put(events);
    return events;
  }

  #put(events: TimedEvents): void {
    this.#broadcasts.delete(events.broadcastId);
    this.#broadcasts.set(events.broadcastId, events);
    const [oldest] = this.#broadcasts.keys();
    if (this.#broadcasts.size > BROADCASTS_MAX && oldest !== undefined) this.#broadcasts.delete(oldest);
  }
}
