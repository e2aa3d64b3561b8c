import type { DecoderConfig, Frame, TrackKind } from '../media/frame.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import { Feed, type FeedLimits } from './feed.js';
import type { FeedSink } from './feed-sink.js';
import { ageOf, Gathering } from './gathering.js';
import { Interleaver } from './interleaver.js';
import type { FactsVerdict } from './source-facts.js';
import type { SourceMetadata } from './source-metadata.js';
import { SourceTracks } from './source-tracks.js';
import { type ClockRepair, Timeline } from './timeline.js';

/** A receiver that fails at once must not be asked again at every keyframe. */
const REOPEN_GAP_MS = 1000;

/**
 * Turns one publisher's frames into feeds: gathers the tracks, puts the frames on the timeline, in order, and writes them as
 * Matroska to the feed that is open.
 *
 * Lifetime: one broadcast. *Gathering* until the tracks are known; then *running*: without a feed it drops frames until
 * one may start (a video keyframe; without video, any frame) and opens one; a feed that died, or that the source's tracks
 * have outgrown, is replaced at the next such frame. *Ended* by `end`, after which everything is swallowed.
 */
export class FeedMuxer {
  readonly #options: FeedMuxerOptions;
  readonly #tracks = new SourceTracks();
  readonly #interleaver = new Interleaver();
  readonly #timeline: Timeline;
  #gathering: Gathering | null = new Gathering();
  #metadata: SourceMetadata = {};
  #feed: Feed | null = null;
  #startedAt: number | null = null;
  #timelineUnused = true;
  #ended = false;
  /** The source's tracks no longer fit the open feed; these wait for the next one. */
  readonly #excluded = new Set<TrackKind>();
  #outgrown = false;
  /** New parameter sets, which go before the next keyframe; pictures until then can't be decoded. */
  #parameterSets: Buffer | null = null;

  constructor(options: FeedMuxerOptions) {
    this.#options = options;
    this.#timeline = new Timeline(options.onRepair);
  }

  /** What is known of the tracks whose frames have come. */
  get facts(): SourceFacts {
    return this.#tracks.facts;
  }

  /** Bytes go nowhere until the feed drains; `drained` says when. */
  get blocked(): boolean {
    return this.#feed?.blocked ?? false;
  }

  drained(): Promise<void> {
    return this.#feed?.drained() ?? Promise.resolve();
  }

  metadata(metadata: SourceMetadata): void {
    this.#metadata = { ...this.#metadata, ...metadata };
    if (metadata.frameRate !== undefined) this.#tracks.assumeFrameRate(metadata.frameRate);
  }

  /** Frames that came before this config belong to the old one, and go out first. */
  config(config: DecoderConfig): FactsVerdict {
    const { verdict, change } = this.#tracks.configure(config);
    if (change.kind === 'same' || change.kind === 'first') return verdict;
    this.#flush();
    if (change.kind === 'in-band') this.#parameterSets = change.parameterSets;
    else this.#outgrow(config.track);
    return verdict;
  }

  /** False while the publisher should pause; the frame is taken in any case. Frames of a track without config are dropped. */
  frame(frame: Frame): boolean {
    if (this.#ended || frame.data.length === 0 || !this.#tracks.has(frame.track)) return true;
    if (this.#gathering === null) {
      this.#run(frame);
    } else {
      this.#gathering.add(frame);
      if (this.#gathering.ready(this.#metadata, this.#tracks.needsFrameRate)) this.#startRunning(this.#gathering);
    }
    return !this.blocked;
  }

  end(): void {
    if (this.#ended) return;
    if (this.#gathering !== null) this.#startRunning(this.#gathering);
    this.#flush();
    this.#ended = true;
    this.#feed?.end();
  }

  #startRunning(gathering: Gathering): void {
    this.#tracks.assumeFrameRate(this.#tracks.needsFrameRate ? gathering.measuredFrameRate() : null);
    for (const track of gathering.tracks) this.#tracks.markPresent(track);
    const now = this.#options.clock();
    const held = gathering.take();
    const first = held.find((frame) => this.#mayStart(frame));
    if (first !== undefined) this.#startedAt = now - ageOf(first, held);
    this.#gathering = null;
    for (const frame of held) this.#run(frame);
  }

  /** The timeline's zero is the first frame that a feed can start with. */
  #run(frame: Frame): void {
    if (!this.#tracks.isPresent(frame.track)) {
      this.#tracks.markPresent(frame.track);
      this.#outgrow(frame.track);
    }
    if (this.#timelineUnused && !this.#mayStart(frame)) return;
    this.#timelineUnused = false;
    this.#startedAt ??= this.#options.clock();
    const placed = this.#timeline.place(frame);
    if (placed !== null) this.#deliverAll(this.#interleaver.push(placed));
  }

  #flush(): void {
    this.#deliverAll(this.#interleaver.flush());
  }

  #deliverAll(frames: readonly Frame[]): void {
    for (const frame of frames) this.#deliver(frame);
  }

  #deliver(frame: Frame): void {
    if (this.#needsFeed() && this.#mayStart(frame) && this.#gapKept(frame)) this.#open(frame);
    const feed = this.#feed;
    if (feed === null || !feed.tracks.has(frame.track) || this.#excluded.has(frame.track)) return;
    if (frame.dts < feed.startMs || (frame.track === 'video' && this.#parameterSets !== null && !frame.key)) return;
    const prefix = frame.track === 'video' ? this.#parameterSets : null;
    if (prefix !== null) this.#parameterSets = null;
    feed.write(frame, prefix);
  }

  #needsFeed(): boolean {
    return this.#feed === null || this.#feed.dead || this.#outgrown;
  }

  #mayStart(frame: Frame): boolean {
    return this.#tracks.isPresent('video') ? frame.track === 'video' && frame.key : true;
  }

  #gapKept(frame: Frame): boolean {
    return this.#feed === null || frame.dts - this.#feed.startMs >= REOPEN_GAP_MS;
  }

  #outgrow(track: TrackKind): void {
    this.#outgrown = true;
    this.#excluded.add(track);
  }

  #open(frame: Frame): void {
    this.#feed?.end();
    this.#outgrown = false;
    this.#excluded.clear();
    this.#parameterSets = null;
    const { channel, broadcastId, sink, limits, log } = this.#options;
    const { facts, configs } = this.#tracks;
    const startedAt = this.#startedAt ?? this.#options.clock();
    const startMs = frame.dts;
    const writable = sink.open({ channel, broadcastId, facts, startMs, startedAt });
    this.#feed = new Feed({ writable, configs, facts, startMs, limits, log });
    this.#options.onFeed(startedAt);
  }
}

export interface FeedMuxerOptions {
  readonly channel: string;
  readonly broadcastId: string;
  readonly sink: FeedSink;
  readonly limits: FeedLimits;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly log: Log;
  /** A feed was opened; `startedAt` is the wall clock of the timeline's zero. */
  readonly onFeed: (startedAt: number) => void;
  readonly onRepair: (repair: ClockRepair) => void;
}
