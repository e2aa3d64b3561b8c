import type { Rendition } from '../../media/rendition.js';
import { type Answer, bytesAnswer, problemAnswer, textAnswer } from '../answer.js';
import { contentType } from '../content-type.js';
import { initName, segmentName } from '../live-segment.js';
import { objectAnswer } from '../object-answer.js';
import type { ArchiveLibrary } from '../recording/archive-library.js';
import type { BroadcastIndex } from '../recording/broadcast-index.js';
import type { Shield } from '../shield.js';
import type { VodLibrary } from '../vod-library.js';
import { readWhole } from '../whole-answer.js';
import { firstFragment } from './first-fragment.js';
import { layoutOf, readSheetName, type SheetName, sheetName, tileSizeOf } from './thumbnail-sheets.js';
import { type MakeThumbnail, type PictureRequest, ThumbnailShelf } from './thumbnail-shelf.js';
import {
  archiveThumbnails,
  openersFrom,
  packagedOpeners,
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

/** What a picture, or a sheet of them, is made of. */
interface Place {
  readonly shield: Shield;
  readonly init: string;
  /** Keys of the segments, and when they begin, seconds. */
  readonly segments: readonly { readonly key: string; readonly startSec: number }[];
  readonly rendition: Rendition;
}

/**
 * Answers for the pictures of a scrubber, alone and on sheets (record 0022). None is made before somebody looks: each is the first
 * picture of a segment of the smallest rendition, so that its name says all there is to know, and it can be made again whenever it is
 * in no cache any more.
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

  /** One picture, or a sheet of them. Null for what has none. */
  async picture(owner: string, name: string): Promise<Answer | null> {
    const wanted = readSheetName(name);
    const inside = owner.startsWith('b_') ? this.#inBroadcast : this.#inVideo;
    const place = wanted && (await inside.call(this, owner, wanted));
    if (place === null) return null;
    const bytes = await this.#shelf.get(`${owner}/${name}`, () => requestFor(place));
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

  async #inBroadcast(broadcastId: string, wanted: SheetName): Promise<Place | null> {
    const { broadcast, archives, announced } = this.#options;
    const index = broadcast(broadcastId) ?? (await archives.indexOf(broadcastId));
    const run = index?.runOf(wanted.first) ?? null;
    const track = run && smallestTrack(run);
    const numbers = track && named(openersFrom(track, wanted.first, wanted.count), wanted);
    if (run === null || track === null || numbers === null) return null;
    const folder = `${broadcastId}/${track.rendition.id}/`;
    const segments = numbers.map((number) => ({
      key: folder + segmentName(number),
      startSec: (track.segments.at(number)?.start ?? 0) / track.facts.timescale,
    }));
    return { shield: announced, init: folder + initName(run.run), segments, rendition: track.rendition };
  }

  async #inVideo(videoId: string, wanted: SheetName): Promise<Place | null> {
    const entry = await this.#options.library.video(videoId);
    const packaged = entry && smallestPackaged(entry.renditions);
    if (!packaged) return null;
    const { prefix, rendition, timescale } = packaged;
    const openers = packagedOpeners(packaged);
    const from = openers.indexOf(wanted.first);
    const numbers = from < 0 ? null : named(openers.slice(from, from + wanted.count), wanted);
    const segments = numbers?.flatMap((number) => packaged.segments[number - 1] ?? []);
    if (!segments) return null;
    const rows = segments.map(({ name, start }) => ({ key: prefix + name, startSec: start / timescale }));
    return { shield: this.#options.stored, init: `${prefix}init.mp4`, segments: rows, rendition };
  }
}

/** These numbers, if the name is theirs. */
function named(numbers: readonly number[], { name }: SheetName): readonly number[] | null {
  return numbers.length > 0 && sheetName(numbers) === name ? numbers : null;
}

function videoText(videoId: string, renditions: Parameters<typeof smallestPackaged>[0]): string | null {
  const packaged = smallestPackaged(renditions);
  return packaged && writeThumbnails(videoThumbnails(videoId, packaged), null);
}

/** Null where any of it is gone. Of each segment no more is kept than has its first picture. */
async function requestFor({ shield, init, segments, rendition }: Place): Promise<PictureRequest | null> {
  const header = await readObject(shield, init);
  if (header === null) return null;
  const pieces = [header];
  for (const { key } of segments) {
    const segment = await readObject(shield, key);
    const fragment = segment && firstFragment(segment);
    if (fragment === null) return null;
    pieces.push(fragment);
  }
  const apart = segments.slice(1).map(({ startSec }, at) => startSec - (segments[at]?.startSec ?? 0));
  const layout = layoutOf(tileSizeOf(rendition), segments.length);
  return { media: Buffer.concat(pieces), layout, apartSec: Math.min(...apart, 10) };
}

async function readObject(shield: Shield, key: string): Promise<Buffer | null> {
  const object = await shield.read(key);
  return object && readWhole(objectAnswer(object, { type: '', cache: 'media' }));
}

function noPicture(): Answer {
  return problemAnswer(404, 'Not Found', 'There is no picture of that moment.', 'absent');
}
