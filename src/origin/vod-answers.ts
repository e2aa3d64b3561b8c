import { vodPath } from '../media/media-path.js';
import { type Answer, createTextContent, manifestAnswer, problemAnswer, type TextContent } from './answer.js';
import { contentType } from './content-type.js';
import { objectAnswer } from './object-answer.js';
import type { ArchiveLibrary } from './recording/archive-library.js';
import type { Shield } from './shield.js';
import type { VodEntry, VodLibrary } from './vod-library.js';
import { vodDashManifest, vodMediaPlaylist, vodMultivariantPlaylist } from './vod-manifests.js';

const HLS = contentType('.m3u8');
const DASH = contentType('.mpd');

/** Answers for recorded videos: manifests from what the catalog knows, or from a broadcast's archive; bytes from the object store. */
export class VodAnswers {
  readonly #library: VodLibrary;
  readonly #shield: Shield;
  readonly #archives: ArchiveLibrary;

  constructor(library: VodLibrary, shield: Shield, archives: ArchiveLibrary) {
    this.#library = library;
    this.#shield = shield;
    this.#archives = archives;
  }

  multivariant(videoId: string): Promise<Answer | null> {
    const uriOf = (rendition: string) => vodPath.hlsRendition(videoId, rendition);
    const ofArchive = (key: string) => this.#archives.multivariant(key, uriOf);
    return this.#manifest(videoId, HLS, vodMultivariantPlaylist, ofArchive);
  }

  mediaPlaylist(videoId: string, rendition: string): Promise<Answer | null> {
    const ofArchive = (key: string) => this.#archives.mediaPlaylist(key, rendition);
    return this.#manifest(videoId, HLS, (entry) => vodMediaPlaylist(entry, rendition), ofArchive);
  }

  dash(videoId: string): Promise<Answer | null> {
    return this.#manifest(videoId, DASH, vodDashManifest, (key) => this.#archives.dash(key));
  }

  async poster(videoId: string): Promise<Answer | null> {
    const entry = await this.#library.video(videoId);
    if (entry === null) return null;
    if (entry.posterKey === null) return entry.complete ? null : notReady();
    const object = await this.#shield.read(entry.posterKey);
    return object && objectAnswer(object, { type: contentType('.jpg'), cache: 'poster' });
  }

  async media(videoId: string, rendition: string, name: string): Promise<Answer | null> {
    const entry = await this.#library.video(videoId);
    const packaged = entry?.renditions.find((each) => each.rendition.id === rendition);
    if (packaged === undefined) return null;
    const object = await this.#shield.read(`${packaged.prefix}${name}`);
    const type = contentType(name, packaged.rendition.kind === 'audio' ? 'audio' : 'other');
    return object && objectAnswer(object, { type, cache: 'media' });
  }

  async #manifest(
    videoId: string,
    type: string,
    write: (entry: VodEntry) => string | null,
    ofArchive: (key: string) => Promise<TextContent | null>,
  ): Promise<Answer | null> {
    const entry = await this.#library.video(videoId);
    if (entry === null) return null;
    const written = () => {
      const text = write(entry);
      return text === null ? null : createTextContent(text);
    };
    const content = entry.archiveKey ? await ofArchive(entry.archiveKey) : written();
    if (content === null) return entry.complete ? null : notReady();
    return manifestAnswer(content, { type, cache: entry.complete ? 'vod-manifest' : 'growing-manifest' });
  }
}

function notReady(): Answer {
  return problemAnswer(404, 'Not Found', 'The video is not ready yet.', 'not-yet', [['retry-after', '1']]);
}
