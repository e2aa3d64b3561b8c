import { type Answer, bytesAnswer, problemAnswer, textAnswer } from '../answer.js';
import { contentType } from '../content-type.js';
import { initName, segmentName } from '../live-segment.js';
import { objectAnswer } from '../object-answer.js';
import type { ArchiveLibrary } from '../recording/archive-library.js';
import type { BroadcastIndex } from '../recording/broadcast-index.js';
import type { Shield } from '../shield.js';
import type { VodLibrary } from '../vod-library.js';
import { readWhole } from '../whole-answer.js';
import { type MakeThumbnail, ThumbnailShelf } from './thumbnail-shelf.js';
import {
  archiveThumbnails,
  opensPackagedSlot,
  opensSlot,
  smallestPackaged,
  smallestTrack,
  videoThumbnails,
} from './thumbnail-slots.js';
import { writeThumbnails } from './thumbnail-text.js';

export interface ThumbnailAnswersOptions {
  /** What is known of a broadcast that is shown; null where nothing is. */
  readonly broadcast: (broadcastId: string) => BroadcastIndex | null;
  readonly archives: ArchiveLibrary;
  readonly library: VodLibrary;
  /** Before what was announced; keys are `<broadcastId>/<rendition>/<name>`. */
  readonly announced: Shield;
  /** Before the object store. */
  readonly stored: Shield;
  readonly make: MakeThumbnail;
}

const VTT = contentType('.vtt');
const JPEG = contentType('.jpg');

/** The header and the segment that a picture is in. */
interface Place {
  readonly shield: Shield;
  readonly keys: readonly string[];
}

/**
 * Answers for the pictures of a scrubber. None is made before somebody looks: each is the first picture of a segment of the smallest
 * rendition, so that its name says all there is to know, and it can be made again whenever it is in no cache any more.
 */
export class ThumbnailAnswers {
  readonly #options: ThumbnailAnswersOptions;
  readonly #shelf: ThumbnailShelf;

  constructor(options: ThumbnailAnswersOptions) {
    this.#options = options;
    this.#shelf = new ThumbnailShelf(options.make);
  }

  /** The list of a video's. */
  async video(videoId: string): Promise<Answer | null> {
    const entry = await this.#options.library.video(videoId);
    if (entry === null) return null;
    const text = entry.archiveKey ? await this.#archiveText(entry.archiveKey) : videoText(videoId, entry.renditions);
    return text === null
      ? null
      : textAnswer(text, { type: VTT, cache: entry.complete ? 'vod-manifest' : 'growing-manifest' });
  }

  /** One picture. Null for what has none. */
  async picture(owner: string, name: string): Promise<Answer | null> {
    const number = Number(/^(\d{1,12})\.jpg$/.exec(name)?.[1] ?? Number.NaN);
    if (`${number}.jpg` !== name) return null;
    const place = owner.startsWith('b_') ? await this.#inBroadcast(owner, number) : await this.#inVideo(owner, number);
    if (place === null) return null;
    const bytes = await this.#shelf.get(`${owner}/${name}`, () => readAll(place));
    if (bytes === null) return noPicture();
    return bytesAnswer(bytes, { type: JPEG, cache: 'media', etag: `"${owner}-thumbs-${name}"` });
  }

  close(): Promise<void> {
    return this.#shelf.close();
  }

  async #archiveText(key: string): Promise<string | null> {
    const view = await this.#options.archives.view(key);
    return view && writeThumbnails(archiveThumbnails(view.spans), null);
  }

  async #inBroadcast(broadcastId: string, number: number): Promise<Place | null> {
    const { broadcast, archives, announced } = this.#options;
    const index = broadcast(broadcastId) ?? (await archives.indexOf(broadcastId));
    const run = index?.runOf(number) ?? null;
    const track = run && smallestTrack(run);
    if (run === null || track === null || !opensSlot(track, number)) return null;
    const names = [initName(run.run), segmentName(number)];
    return { shield: announced, keys: names.map((name) => `${broadcastId}/${track.rendition.id}/${name}`) };
  }

  async #inVideo(videoId: string, number: number): Promise<Place | null> {
    const entry = await this.#options.library.video(videoId);
    const packaged = entry && smallestPackaged(entry.renditions);
    const segment = packaged?.segments[number - 1];
    if (!packaged || segment === undefined || !opensPackagedSlot(packaged, number - 1)) return null;
    const keys = ['init.mp4', segment.name].map((name) => packaged.prefix + name);
    return { shield: this.#options.stored, keys };
  }
}

function videoText(videoId: string, renditions: Parameters<typeof smallestPackaged>[0]): string | null {
  const packaged = smallestPackaged(renditions);
  return packaged && writeThumbnails(videoThumbnails(videoId, packaged), null);
}

/** Null where any of it is gone. */
async function readAll({ shield, keys }: Place): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  for (const key of keys) {
    const object = await shield.read(key);
    const bytes = object && (await readWhole(objectAnswer(object, { type: '', cache: 'media' })));
    if (bytes === null) return null;
    pieces.push(bytes);
  }
  return Buffer.concat(pieces);
}

function noPicture(): Answer {
  return problemAnswer(404, 'Not Found', 'There is no picture of that moment.', 'absent');
}
