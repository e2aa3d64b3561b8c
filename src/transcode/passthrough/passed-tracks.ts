/**
 * The tracks of a feed that go to viewers as they are: each a rendition of the run.
 *
 * Lifetime: made → holds what comes, which is what the feed remembers anyway → `open` → fragments as long as parts →
 * `finish` hands out the rest → `close`.
 */
import type { Rendition } from '../../media/rendition.js';
import type { VideoFacts } from '../../media/source-facts.js';
import type { BlockItem, FeedItem } from '../feed/matroska-reader.js';
import type { SourceTrack } from '../feed/matroska-tracks.js';
import type { RunSink } from '../fragment-sink.js';
import type { PartLength } from '../part-length.js';
import { PassedLane } from './passed-lane.js';

export interface PassedTracksOptions {
  readonly tracks: readonly SourceTrack[];
  readonly video: VideoFacts | null;
  /** What they become, at most one of each kind. */
  readonly renditions: readonly Rendition[];
  readonly timelineOffsetSec: number;
  readonly part: PartLength;
  /** A sink could not use its bytes. */
  readonly onFailure: (message: string) => void;
}

export class PassedTracks {
  readonly #options: PassedTracksOptions;
  readonly #lanes = new Map<'video' | 'audio', PassedLane>();
  #held: BlockItem[] | null = [];
  #frames = 0;
  #latestMs = 0;

  constructor(options: PassedTracksOptions) {
    this.#options = options;
  }

  /** Pictures so far, and where on the timeline the newest frame stands. */
  get frames(): number {
    return this.#frames;
  }

  get latestMs(): number {
    return this.#latestMs;
  }

  get bytes(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.bytes, 0);
  }

  get full(): boolean {
    for (const lane of this.#lanes.values()) if (lane.full) return true;
    return false;
  }

  async drained(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drained()));
  }

  take(items: readonly FeedItem[]): void {
    for (const item of items) {
      if (item.kind !== 'block') continue;
      if (this.#held === null) this.#add(item);
      else this.#held.push(item);
    }
  }

  open(run: RunSink): void {
    for (const rendition of this.#options.renditions) this.#openLane(rendition, run);
    for (const block of this.#held ?? []) this.#add(block);
    this.#held = null;
  }

  /** Hands out what is held, and resolves when the sinks have taken it. */
  async finish(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.finish()));
  }

  close(): void {
    this.#held = null;
    for (const lane of this.#lanes.values()) lane.close();
  }

  #openLane(rendition: Rendition, run: RunSink): void {
    const { tracks, video, timelineOffsetSec, part, onFailure } = this.#options;
    const source = tracks.find(({ kind }) => kind === rendition.kind);
    if (source === undefined) throw new Error(`no track for ${rendition.id}`);
    const sink = run.rendition(rendition.id);
    sink.on('error', (error) => onFailure(`${rendition.id}: ${error.message}`));
    const size = { width: video?.width ?? 0, height: video?.height ?? 0 };
    this.#lanes.set(rendition.kind, new PassedLane({ source, ...size, timelineOffsetSec, part, sink }));
  }

  #add(block: BlockItem): void {
    if (block.track === 'video') this.#frames += 1;
    this.#latestMs = Math.max(this.#latestMs, block.timeMs);
    this.#lanes.get(block.track)?.add(block);
  }
}
