import type { Frame, TrackKind } from '../media/frame.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import { Feed, type FeedLimits } from './feed.js';
import { type FeedTracks, fitOf, sameSound } from './feed-fit.js';
import type { FeedSink } from './feed-sink.js';
import { Interleaver } from './interleaver.js';
import type { SourceTracks } from './source-tracks.js';

/** A receiver that fails at once must not be asked again at every keyframe. */
const REOPEN_GAP_MS = 1000;
/**
 * Who comes back a moment after another came on air gets a feed at once: in the one that is open there is no place for its
 * sound. A source that changes with each key is made to wait.
 */
const OPENINGS_MAX = 4;
const OPENINGS_WITHIN_MS = 10_000;
/** A silence longer than this is not filled in the feed that is open; what comes after it begins another. */
export const GAP_MS_MAX = 2500;

/**
 * Writes the frames of whoever is on air, already at their places on the timeline, as Matroska to the feed that is open.
 *
 * Lifetime: one broadcast. Without a feed it drops frames until one may start (a video keyframe; without video, any
 * frame) and opens one. A feed that died, that the tracks in use no longer fit into, or that a long silence has
 * cut, is replaced at the next such frame. *Ended* by `end`, after which everything is swallowed.
 */
export class FeedMuxer {
  readonly #options: FeedMuxerOptions;
  readonly #interleaver: Interleaver;
  #tracks: SourceTracks | null = null;
  #feed: Feed | null = null;
  #carried: FeedTracks = { video: null, audio: null };
  readonly #lastMs: Record<TrackKind, number> = { video: -1, audio: -1 };
  #ended = false;
  /** The open feed can't take what is in use now; these tracks wait for the next one. */
  #outgrown = false;
  #excluded: ReadonlySet<TrackKind> = new Set();
  /** New parameter sets, which go before the next keyframe; pictures until then can't be decoded. */
  #beforeKey: Buffer | null = null;
  /** Where the last feeds began, ms. */
  #openings: readonly number[] = [];

  constructor(options: FeedMuxerOptions) {
    this.#options = options;
    this.#interleaver = new Interleaver((frame) => this.#write(frame));
  }

  /** The receiver asks for a pause; `drained` says when it is over. */
  get blocked(): boolean {
    return this.#feed?.blocked ?? false;
  }

  drained(): Promise<void> {
    return this.#feed?.drained() ?? Promise.resolve();
  }

  /** A feed was open and is lost, and a frame at `ms` may open another. */
  mayReopen(ms: number): boolean {
    return !this.#ended && this.#feed?.dead === true && ms - this.#feed.startMs >= REOPEN_GAP_MS;
  }

  /** The last place taken on the timeline, ms; -1 before the first frame. */
  get lastMs(): number {
    return Math.max(this.#lastMs.video, this.#lastMs.audio);
  }

  /** The first place free for a picture (for sound, where nothing has a picture), ms. */
  floorMs(track: TrackKind): number {
    return this.#lastMs[track] + 1;
  }

  /** Whether sound of these tracks can go into the feed that is open. */
  takesSound(tracks: SourceTracks): boolean {
    const [carried, sound] = [this.#carried.audio, tracks.track('audio')];
    return carried !== null && sound !== null && !this.#needsFeed() && sameSound(carried, sound);
  }

  /** The frames that follow are of these tracks, and begin at `startMs` with one that a feed can start with. */
  use(tracks: SourceTracks, startMs: number): void {
    this.#interleaver.flush();
    this.#tracks = tracks;
    const gapMs = startMs - this.lastMs;
    this.#outgrown = this.lastMs >= 0 && (this.#options.exact || gapMs > GAP_MS_MAX);
    this.#excluded = this.#outgrown ? BOTH : NONE;
    this.#beforeKey = null;
    if (!this.#outgrown) this.#fit(tracks);
  }

  /** The tracks in use have changed. Frames that came before belong to what they were, and go out first. */
  tracksChanged(): void {
    this.#interleaver.flush();
    if (this.#tracks !== null && !this.#outgrown) this.#fit(this.#tracks);
  }

  /** Sound from before what was already heard is dropped; pictures are pushed on to the next free place. */
  frame(frame: Frame): void {
    if (this.#ended) return;
    const floorMs = this.#lastMs[frame.track] + 1;
    if (frame.dts < floorMs && frame.track === 'audio') return;
    const placed = frame.dts < floorMs ? { ...frame, dts: floorMs, pts: Math.max(frame.pts, floorMs) } : frame;
    this.#lastMs[frame.track] = placed.dts;
    this.#interleaver.push(placed);
  }

  /** Nothing follows for now: what waits for the other track goes out. */
  flush(): void {
    this.#interleaver.flush();
  }

  end(): void {
    if (this.#ended) return;
    this.#interleaver.flush();
    this.#ended = true;
    this.#feed?.end();
  }

  #fit(tracks: SourceTracks): void {
    if (this.#feed === null) return;
    const fit = fitOf(this.#carried, tracks, this.#options.exact);
    this.#outgrown = fit.kind === 'outgrown';
    this.#excluded = fit.kind === 'outgrown' ? fit.excluded : NONE;
    this.#beforeKey = fit.beforeKey;
  }

  #write(frame: Frame): void {
    const tracks = this.#tracks;
    if (tracks === null) return;
    if (this.#needsFeed() && mayStart(frame, tracks) && this.#gapKept(frame)) this.#open(frame, tracks);
    const feed = this.#feed;
    if (feed === null || this.#carried[frame.track] === null || this.#excluded.has(frame.track)) return;
    if (frame.dts < feed.startMs) return;
    if (frame.track === 'audio' || this.#beforeKey === null) feed.write(frame, null);
    else if (frame.key) this.#writeChanged(feed, frame, this.#beforeKey, tracks);
  }

  #writeChanged(feed: Feed, frame: Frame, parameterSets: Buffer, tracks: SourceTracks): void {
    feed.write(frame, parameterSets.length > 0 ? parameterSets : null);
    this.#beforeKey = null;
    this.#carried.video = tracks.track('video');
  }

  #needsFeed(): boolean {
    return this.#feed === null || this.#feed.dead || this.#outgrown;
  }

  #gapKept(frame: Frame): boolean {
    if (this.#feed === null || frame.dts - this.#feed.startMs >= REOPEN_GAP_MS) return true;
    if (this.#feed.dead) return false;
    return this.#openings.length < OPENINGS_MAX || frame.dts - (this.#openings[0] ?? 0) >= OPENINGS_WITHIN_MS;
  }

  #open(frame: Frame, tracks: SourceTracks): void {
    this.#feed?.end();
    this.#outgrown = false;
    this.#excluded = NONE;
    this.#beforeKey = null;
    const { channel, broadcastId, preset, sink, limits, log } = this.#options;
    const { facts, configs } = tracks;
    const startMs = frame.dts;
    this.#openings = [...this.#openings, startMs].slice(-OPENINGS_MAX);
    const startedAt = this.#options.startedAt();
    const writable = sink.open({ channel, broadcastId, preset, facts, startMs, startedAt });
    this.#feed = new Feed({ writable, configs, facts, startMs, limits, log });
    this.#carried = { video: tracks.track('video'), audio: tracks.track('audio') };
    this.#options.onFeed(facts);
  }
}

const NONE: ReadonlySet<TrackKind> = new Set();
const BOTH: ReadonlySet<TrackKind> = new Set(['video', 'audio']);

/** Whether a feed of these tracks can begin with the frame. */
export function mayStart(frame: Frame, tracks: SourceTracks): boolean {
  return tracks.isPresent('video') ? frame.track === 'video' && frame.key : true;
}

export interface FeedMuxerOptions {
  readonly channel: string;
  readonly broadcastId: string;
  readonly preset: string | null;
  /** Pictures are passed on as they are: another source, or new parameter sets, need a new feed. */
  readonly exact: boolean;
  readonly sink: FeedSink;
  readonly limits: FeedLimits;
  /** Wall clock (epoch ms) of the timeline's zero. */
  readonly startedAt: () => number;
  readonly log: Log;
  /** A feed was opened. */
  readonly onFeed: (facts: SourceFacts) => void;
}
