import { LRUCache } from 'lru-cache';
import type { Shield } from '../shield.js';
import { archiveKey, readArchive } from './archive-file.js';
import type { BroadcastIndex } from './broadcast-index.js';
import { recordedDashManifest } from './recorded-dash.js';
import { type RecordedView, recordedMediaPlaylist, recordedMultivariant } from './recorded-hls.js';
import { spansFrom } from './recorded-span.js';
import type { SegmentTexts } from './segment-texts.js';

const BYTES_MAX = 64 * 1024 * 1024;
/** What is over has no clock. */
const NO_TIMING = { zeroOfTime: 0, publishTime: 0, timeShiftBufferSec: null };

/** The archives lately asked for, and the manifests of them that were. One reading of the store for each, however many ask. */
export class ArchiveLibrary {
  readonly #shield: Shield;
  readonly #texts: SegmentTexts;
  readonly #views = new LRUCache<string, RecordedView>({ maxSize: BYTES_MAX });

  constructor(shield: Shield, texts: SegmentTexts) {
    this.#shield = shield;
    this.#texts = texts;
  }

  /** Null where there is no such archive. */
  async multivariant(key: string, uriOf: (rendition: string) => string): Promise<string | null> {
    const view = await this.view(key);
    return view && recordedMultivariant(view, uriOf);
  }

  async mediaPlaylist(key: string, rendition: string): Promise<string | null> {
    const view = await this.view(key);
    return view && recordedMediaPlaylist(view, rendition, this.#texts);
  }

  async dash(key: string): Promise<string | null> {
    const view = await this.view(key);
    return view && recordedDashManifest(view, NO_TIMING);
  }

  /** What an archive has of a broadcast; null where that is no archive. */
  async indexOf(broadcastId: string): Promise<BroadcastIndex | null> {
    const view = await this.view(archiveKey(broadcastId));
    return view?.spans[0]?.index ?? null;
  }

  async view(key: string): Promise<RecordedView | null> {
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const text = await this.#text(key);
    const index = text === null ? null : readArchive(text);
    if (text === null || index === null) return null;
    const view: RecordedView = { spans: spansFrom([index], 0), whole: true, state: 'vod' };
    this.#views.set(key, view, { size: text.length });
    return view;
  }

  async #text(key: string): Promise<string | null> {
    const object = await this.#shield.read(key);
    if (object === null) return null;
    if (object.kind === 'bytes') return object.bytes.toString();
    const opened = await object.open();
    if (opened === null) return null;
    try {
      const pieces: Buffer[] = [];
      for await (const piece of opened.object.body as AsyncIterable<Buffer>) pieces.push(piece);
      return Buffer.concat(pieces).toString();
    } finally {
      opened.release();
    }
  }
}
