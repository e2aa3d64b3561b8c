import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Catalog } from '../metadata/catalog.js';
import { newEntry } from '../metadata/new-entry.js';
import { archiveKey, archivePrefix, readArchive } from '../origin/recording/archive-file.js';
import type { ArchivedBroadcast } from '../origin/recording/archiver.js';
import { type KeyPictures, keyPictures } from '../origin/recording/key-pictures.js';
import type { DiskStore } from '../storage/disk-store.js';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import { mediaTools } from '../transcode/media-tools.js';
import { makePoster } from '../transcode/stills.js';

export interface ArchivePostersOptions {
  readonly catalog: Pick<Catalog, 'append' | 'archivesWithoutPoster'>;
  readonly objects: DiskStore;
  /** Where work is in progress. */
  readonly scratchDir: string;
  /** ffmpeg. */
  readonly binary: string;
  readonly log: Log;
  /** The poster is there: ask the catalog again. */
  readonly onPoster: (videoId: string) => void;
}

/** Key pictures to choose from. */
const PICTURES = 6;
/** Archives that may wait for theirs; more go without. */
const WAITING_MAX = 100;

/** Gives archives their posters, one at a time, out of what is stored of them. Lives until `close`. */
export class ArchivePosters {
  readonly #options: ArchivePostersOptions;
  readonly #stopping = new AbortController();
  readonly #waiting = new Set<string>();
  #tail: Promise<void> = Promise.resolve();

  constructor(options: ArchivePostersOptions) {
    this.#options = options;
  }

  add({ videoId, broadcastId, index }: ArchivedBroadcast): void {
    const pictures = keyPictures(index, PICTURES);
    if (pictures !== null) this.#queue(videoId, broadcastId, async () => pictures);
  }

  /** Those that a box which died had not made. */
  async addOwed(): Promise<void> {
    for (const { videoId, broadcastId } of await this.#options.catalog.archivesWithoutPoster(WAITING_MAX)) {
      this.#queue(videoId, broadcastId, () => this.#picturesOf(broadcastId));
    }
  }

  #queue(videoId: string, broadcastId: string, find: () => Promise<KeyPictures | null>): void {
    if (this.#waiting.size >= WAITING_MAX || this.#waiting.has(videoId)) return;
    this.#waiting.add(videoId);
    this.#tail = this.#tail
      .then(async () => {
        const pictures = this.#stopping.signal.aborted ? null : await find();
        if (pictures !== null) await this.#make(videoId, `${archivePrefix(broadcastId)}poster.jpg`, pictures);
      })
      .catch((error: unknown) => {
        if (this.#stopping.signal.aborted) return;
        this.#options.log.warn({ video: videoId, error: messageOf(error) }, 'an archive has no poster');
      })
      .finally(() => {
        this.#waiting.delete(videoId);
      });
  }

  /** Null for a broadcast of sound alone. */
  async #picturesOf(broadcastId: string): Promise<KeyPictures | null> {
    const pieces: Buffer[] = [];
    for await (const piece of bytesOf(this.#options.objects, [archiveKey(broadcastId)])) pieces.push(piece);
    const archive = pieces.length === 0 ? null : readArchive(Buffer.concat(pieces).toString());
    return archive && keyPictures(archive.index, PICTURES);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#tail;
  }

  async #make(videoId: string, key: string, pictures: KeyPictures): Promise<void> {
    const { signal } = this.#stopping;
    const { catalog, objects, scratchDir, binary, log, onPoster } = this.#options;
    await mkdir(scratchDir, { recursive: true });
    // What a killed box leaves there goes with what its encodes left.
    const folder = await mkdtemp(join(scratchDir, 'vod-poster-'));
    try {
      const path = join(folder, 'pictures.mp4');
      await pipeline(Readable.from(bytesOf(objects, pictures.keys)), createWriteStream(path), { signal });
      const output = join(folder, 'poster.jpg');
      const still = {
        path,
        output,
        facts: factsOf(pictures),
        videoStreamIndex: 0,
        durationSec: 0,
        log,
        signal,
        nice: 10,
      };
      if (!(await makePoster({ ...still, tools: mediaTools(binary) }))) return;
      await objects.adopt(output, key);
      const verdict = await catalog.append(newEntry('video.poster', { videoId, key }));
      // Deleted meanwhile.
      if (!verdict.applied) await objects.delete(key);
      onPoster(videoId);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function* bytesOf(objects: DiskStore, keys: readonly string[]): AsyncGenerator<Buffer> {
  for (const key of keys) {
    const object = await objects.get(key);
    if (object !== null) yield* object.body as AsyncIterable<Buffer>;
  }
}

/** Renditions are upright, and their pixels square. */
function factsOf({ rendition }: KeyPictures) {
  const { width, height, frameRate } = rendition;
  const shape = { width, height, rotation: 0, sampleAspectRatio: 1, frameRate } as const;
  return { codec: rendition.codec ?? 'h264', ...shape, interlaced: false, hdr: false };
}
