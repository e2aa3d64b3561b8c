import type { DatedRange } from '../hls/date-range.js';
import { dateRangeTags } from '../hls/date-range.js';

/** The date ranges of a delta update that skips the older ones. */
export interface RecentDates {
  /** Those that were added of late. */
  readonly tags: readonly string[];
  /** The IDs of those that were removed of late. */
  readonly removed: readonly string[];
}

/**
 * When the playlists of one channel began to tell each of their date ranges, and when they ceased to, for delta updates without
 * the older ones (draft-pantos-hls-rfc8216bis-22 §6.2.5.1). What counts is what was written for anybody: a client has nothing else.
 *
 * Lifetime: as long as somebody asks for these playlists; one that is made anew takes all ranges for recent. Memory: the tags of
 * one playlist.
 */
export class ToldDates {
  readonly #tags = new Map<string, { readonly id: string; readonly since: number }>();
  readonly #removed = new Map<string, number>();

  /** @param now epoch ms. */
  note(ranges: readonly DatedRange[], now: number, boundarySec: number): RecentDates {
    const told = new Map(ranges.flatMap((each) => dateRangeTags(each).map((tag) => [tag, each.range.id])));
    const ids = new Set(told.values());
    for (const [tag, { id }] of this.#tags) {
      if (told.has(tag)) continue;
      this.#tags.delete(tag);
      if (!ids.has(id)) this.#removed.set(id, now);
    }
    for (const [tag, id] of told) {
      if (!this.#tags.has(tag)) this.#tags.set(tag, { id, since: now });
      this.#removed.delete(id);
    }
    const oldest = now - boundarySec * 1000;
    for (const [id, at] of this.#removed) if (at < oldest) this.#removed.delete(id);
    const isRecent = (tag: string) => (this.#tags.get(tag)?.since ?? now) >= oldest;
    return { tags: [...told.keys()].filter(isRecent), removed: [...this.#removed.keys()] };
  }
}
