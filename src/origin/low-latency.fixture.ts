import type { Writable } from 'node:stream';
import HLS, { type types } from 'hls-parser';
import { type LadderOptions, TIMELINE_OFFSET_SEC } from './cmaf/ffmpeg-live.fixture.js';
import { type FragmentFeed, fragmentFeed, type LadderId } from './cmaf/fragment-feed.fixture.js';
import type { RunSink, RunStart } from './live-channel.js';
import { RENDITIONS, type ServedOrigin, textAt } from './origin.fixture.js';

export const IDS = ['v180', 'v90', 'audio'] as const;
export const BROADCAST = 'b_0123456789abcdef';
export const GRID = { cut: 'grid', segmentSec: 2, keyIntervalSec: 0, partSec: 0.2 } as const;
export const KEYS = { cut: 'keys', segmentSec: 2, keyIntervalSec: 2, partSec: 0.2 } as const;

type Cut = Pick<RunStart, 'cut' | 'segmentSec' | 'keyIntervalSec' | 'partSec'>;

/** A run whose fragments come when the test says so: every one of a picture's is a part of a fifth of a second. */
export class SteppedRun {
  readonly sink: RunSink;
  readonly #feed: FragmentFeed;
  readonly #writables = new Map<LadderId, Writable>();
  readonly #given = new Map<LadderId, number>();

  constructor({ origin }: ServedOrigin, feed: FragmentFeed, cut: Cut = GRID) {
    this.#feed = feed;
    this.sink = origin.fragments.openRun({
      ...{ channel: 'c', broadcastId: BROADCAST, startedAt: 1_700_000_000_000, renditions: RENDITIONS },
      ...{ ...cut, timelineOffsetSec: TIMELINE_OFFSET_SEC },
    });
    for (const id of IDS) {
      const writable = this.sink.rendition(id);
      // A refusal is told by the write.
      writable.on('error', () => undefined);
      this.#writables.set(id, writable);
    }
  }

  /** From ffmpeg to a run, with the headers given. */
  static async open(box: ServedOrigin, options: LadderOptions, cut: Cut = GRID): Promise<SteppedRun> {
    const run = new SteppedRun(box, await fragmentFeed(options), cut);
    await run.give(1);
    return run;
  }

  /** The next pieces of each of these renditions; resolves when they have been taken. */
  async give(count: number, ids: readonly LadderId[] = IDS): Promise<void> {
    for (let step = 0; step < count; step += 1) await Promise.all(ids.map((id) => this.#giveOne(id)));
  }

  /** Bytes that are no fragment. */
  spoil(id: LadderId): Promise<void> {
    return this.#write(id, Buffer.alloc(64));
  }

  #giveOne(id: LadderId): Promise<void> {
    const at = this.#given.get(id) ?? 0;
    const piece = this.#feed[id][at];
    this.#given.set(id, at + 1);
    return piece === undefined ? Promise.resolve() : this.#write(id, piece);
  }

  #write(id: LadderId, piece: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#writables.get(id)?.write(piece, (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** The playlist as the strict parser has it; parts that no segment follows yet are its last segment, without an address. */
export async function lowLatencyAt(url: string): Promise<types.MediaPlaylist> {
  return HLS.parse(await textAt(url)) as types.MediaPlaylist;
}

/** Where its end is: `<segment>.<part>` of the last part that is no hint. */
export function endOf({ segments }: types.MediaPlaylist): string {
  const parts = segments.flatMap((segment) => segment.parts).filter((part) => !part.hint);
  return nameOf(parts.at(-1)?.uri ?? '');
}

export function hintOf({ segments }: types.MediaPlaylist): string | null {
  const hint = segments.at(-1)?.parts.at(-1);
  return hint?.hint ? nameOf(hint.uri) : null;
}

export const nameOf = (uri: string): string => uri.split('/').at(-1)?.replace('.m4s', '') ?? '';
