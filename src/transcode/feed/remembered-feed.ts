import type { FeedItem } from './matroska-reader.js';

/** Of one feed; at 20 Mb/s some ten seconds. */
const REMEMBERED_BYTES_MAX = 24 * 1024 * 1024;

interface Group {
  /** Of the picture it begins with (in a feed of sound alone, of the first frame), ms. */
  keyMs: number;
  readonly items: FeedItem[];
  bytes: number;
}

/**
 * The last groups of a feed: each begins with a cluster whose first picture is a key (in a feed of sound alone, with any
 * cluster), so that a receiver may begin there.
 *
 * Holds groups back to `rememberMs` before the newest frame, the one that reaches beyond that included, as long as they fit
 * into the bound. What does not belong to any group (a feed that begins in the middle of one) is not kept.
 */
export class RememberedFeed {
  readonly #rememberMs: number;
  readonly #groups: Group[] = [];
  /** A cluster that may begin a group: its first block decides. */
  #opening: { items: FeedItem[]; bytes: number } | null = null;
  #hasPicture = false;
  #bytes = 0;
  #latest = 0;

  constructor(rememberMs: number) {
    this.#rememberMs = rememberMs;
  }

  add(item: FeedItem): void {
    const bytes = item.raw.reduce((sum, piece) => sum + piece.length, 0);
    if (item.kind === 'cluster') {
      this.#settle(false, 0);
      this.#opening = { items: [item], bytes };
      return;
    }
    if (item.kind === 'block') {
      this.#hasPicture ||= item.track === 'video';
      this.#latest = Math.max(this.#latest, item.timeMs);
      this.#settle(item.track === 'video' ? item.key : !this.#hasPicture, item.timeMs);
    }
    if (this.#opening !== null) {
      this.#opening.items.push(item);
      this.#opening.bytes += bytes;
    } else {
      this.#append([item], bytes);
    }
    this.#trim();
  }

  /** What is remembered from the last key at or before `fromMs` (else from the first one after it) on; null: nothing. */
  since(fromMs: number | null): { keyMs: number; items: FeedItem[] } | null {
    const found = fromMs === null ? 0 : this.#groups.findLastIndex((group) => group.keyMs <= fromMs);
    const [first, ...others] = this.#groups.slice(Math.max(0, found));
    if (first === undefined) return null;
    const opening = this.#opening?.items ?? [];
    return { keyMs: first.keyMs, items: [first, ...others].flatMap((group) => group.items).concat(opening) };
  }

  /** The cluster that waits for its first block begins a group, or goes on with the one before it. */
  #settle(begins: boolean, keyMs: number): void {
    const opening = this.#opening;
    if (opening === null) return;
    this.#opening = null;
    if (begins) this.#groups.push({ keyMs, items: [], bytes: 0 });
    this.#append(opening.items, opening.bytes);
  }

  #append(items: readonly FeedItem[], bytes: number): void {
    const group = this.#groups.at(-1);
    if (group === undefined) return;
    group.items.push(...items);
    group.bytes += bytes;
    this.#bytes += bytes;
  }

  #trim(): void {
    const horizon = this.#latest - this.#rememberMs;
    for (let next = this.#groups[1]; next !== undefined && next.keyMs <= horizon; next = this.#groups[1]) this.#drop();
    while (this.#bytes > REMEMBERED_BYTES_MAX) this.#drop();
  }

  #drop(): void {
    this.#bytes -= this.#groups.shift()?.bytes ?? 0;
  }
}
