import { LRUCache } from 'lru-cache';
import { createTextContent, type TextContent } from '../answer.js';
import type { Shield } from '../shield.js';
import { archiveKey, readArchive } from './archive-file.js';
import type { BroadcastIndex } from './broadcast-index.js';
import { recordedDashManifest } from './recorded-dash.js';
import { recordedMultivariant } from './recorded-hls.js';
import { recordedMediaPlaylist } from './recorded-media-playlist.js';
import { type RecordedView, spansFrom } from './recorded-span.js';
import type { SegmentTexts } from './segment-texts.js';

const BYTES_MAX = 64 * 1024 * 1024;
/** What is over has no clock. */
const NO_TIMING = { zeroOfTime: 0, publishTime: 0, timeShiftBufferSec: null };

/** The archives lately asked for, and the manifests of them that were. One reading of the store for each, however many ask. */
export class ArchiveLibrary {
  readonly #shield: Shield;
  readonly #texts: SegmentTexts;
  readonly #views = new LRUCache<string, RecordedView>({ maxSize: BYTES_MAX });
  readonly #written = new LRUCache<string, TextContent>({
    maxSize: BYTES_MAX,
    sizeCalculation: ({ bytes }) => bytes.length,
  });

  constructor(shield: Shield, texts: SegmentTexts) {
    this.#shield = shield;
    this.#texts = texts;
  }

  /** Null where there is no such archive. */
  multivariant(key: string, uriOf: (rendition: string) => string): Promise<TextContent | null> {
    return this.#manifest(key, 'index', (view) => recordedMultivariant(view, uriOf));
  }

  mediaPlaylist(key: string, rendition: string): Promise<TextContent | null> {
    return this.#manifest(key, `rendition ${rendition}`, (view) => recordedMediaPlaylist(view, rendition, this.#texts));
  }

  dash(key: string): Promise<TextContent | null> {
    return this.#manifest(key, 'dash', (view) => recordedDashManifest(view, NO_TIMING));
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
    const archive = text === null ? null : readArchive(text);
    if (text === null || archive === null) return null;
    const { index, told } = archive;
    const view: RecordedView = { spans: spansFrom([index], 0), whole: true, state: 'vod', eventsOf: () => told };
    this.#views.set(key, view, { size: text.length });
    return view;
  }

  /** Written, and compressed, once for all who ask. */
  async #manifest(
    key: string,
    what: string,
    write: (view: RecordedView) => string | null,
  ): Promise<TextContent | null> {
    const known = this.#written.get(`${key} ${what}`);
    if (known !== undefined) return known;
    const view = await this.view(key);
    const text = view && write(view);
    if (text === null) return null;
    const content = createTextContent(text);
    this.#written.set(`${key} ${what}`, content);
    return content;
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
