import { LRUCache } from 'lru-cache';
import type { PackagedRendition } from '../media/packaged-rendition.js';

/** What origin asks the catalog. */
export interface VodCatalog {
  video(videoId: string): Promise<VodEntry | null>;
}

export interface VodEntry {
  readonly videoId: string;
  readonly durationSec: number;
  readonly renditions: readonly PackagedRendition[];
  readonly posterKey: string | null;
  /** Of the archive of a broadcast: the object that says what there is; it has no renditions here. */
  readonly archiveKey?: string | null;
  /** No job is outstanding: the renditions are all that there will be. */
  readonly complete: boolean;
}

const ENTRIES_MAX = 500;
/** A video's segments are asked for in bursts; one that still gains renditions is asked about again each second. */
const COMPLETE_TTL_MS = 10_000;
const GROWING_TTL_MS = 1_000;

/** The videos lately asked for. One question to the catalog at a time for each, however many ask. */
export class VodLibrary {
  readonly #catalog: VodCatalog;
  readonly #entries = new LRUCache<string, { readonly entry: VodEntry | null }>({ max: ENTRIES_MAX });
  readonly #asking = new Map<string, Promise<VodEntry | null>>();

  constructor(catalog: VodCatalog) {
    this.#catalog = catalog;
  }

  async video(videoId: string): Promise<VodEntry | null> {
    const known = this.#entries.get(videoId);
    if (known !== undefined) return known.entry;
    const asking = this.#asking.get(videoId) ?? this.#ask(videoId);
    return asking;
  }

  /** Asks again next time; for a video that was deleted or changed. */
  forget(videoId: string): void {
    this.#entries.delete(videoId);
    this.#asking.delete(videoId);
  }

  #ask(videoId: string): Promise<VodEntry | null> {
    const asking = this.#catalog.video(videoId).then((entry) => {
      // Forgotten while it was under way: what it says may be from before.
      if (this.#asking.get(videoId) !== asking) return entry;
      this.#entries.set(videoId, { entry }, { ttl: entry?.complete ? COMPLETE_TTL_MS : GROWING_TTL_MS });
      return entry;
    });
    this.#asking.set(videoId, asking);
    const done = () => {
      if (this.#asking.get(videoId) === asking) this.#asking.delete(videoId);
    };
    asking.then(done, done);
    return asking;
  }
}
