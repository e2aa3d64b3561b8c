import type { DecoderConfig, Frame } from '../media/frame.js';
import type { TimedMetadata } from '../media/timed-metadata.js';
import { CaptionWatch } from './caption-watch.js';
import { mayStart } from './feed-muxer.js';
import { ageOf, Gathering, KEYS_APART_MS_MIN } from './gathering.js';
import type { IngestMetrics } from './ingest-metrics.js';
import { Preroll } from './preroll.js';
import type { SourceCue } from './source-cue.js';
import type { FactsVerdict } from './source-facts.js';
import type { SourceMetadata } from './source-metadata.js';
import { SourceTracks } from './source-tracks.js';
import { type ClockRepair, Timeline } from './timeline.js';

export type SourceRole = 'primary' | 'backup';

/** What a source needs of the broadcast that it belongs to. */
export interface SourceHost {
  readonly channel: string;
  readonly broadcastId: string;
  /** Ms that never jump, from any zero. */
  steadyNow(): number;
  /** Where the wall clock stands on the timeline, ms. */
  nowMs(): number;
  /** Where a first frame that came `ageMs` ago stands, ms. The broadcast's very first one begins the timeline. */
  begin(ageMs: number): number;
  /** How far apart keys stand with this config, as an earlier source has shown; null: not known. */
  knownKeyInterval(config: DecoderConfig): number | null;
  /** A frame has its place and is in the preroll. */
  placed(source: Source, frame: Frame): void;
  /** It tells something beside its frames, at a place on the timeline. */
  told(source: Source, metadata: TimedMetadata): void;
  /** Its pictures carry captions that they did not before. */
  captionsFound(source: Source): void;
  /** What follows differs from what came before. */
  tracksChanged(source: Source): void;
  /** Whether the publisher should pause. */
  blocks(source: Source): boolean;
  drained(): Promise<void>;
  ended(source: Source): void;
}

export interface SourceOptions {
  readonly role: SourceRole;
  readonly host: SourceHost;
  /** Gather until the distance of keys is known. */
  readonly wantsKeyInterval: boolean;
  readonly metrics: IngestMetrics;
  readonly onRepair: (repair: ClockRepair) => void;
  /** Its slot is free again. */
  readonly onLeft: () => void;
}

/** No picture for this long: the source stalls. */
const STALL_MS = 1000;
/** Pictures further apart than this, twice in a row: a slow source, which is given more time. */
const SLOW_MS = 700;
const PATIENCE_MS_MAX = 4000;
const SLOW_REMEMBERED_MS = 10_000;
const STEADY_MS = 1000;
/** Frames further behind the wall clock are a backlog, and the newest ones are still to come. */
const BACKLOG_MS = 1000;
/** Keys further apart than this had a stall between them. */
const KEY_INTERVAL_MS_MAX = 20_000;
/** Cues from before the first placed frame that are kept for it. */
const EARLY_CUES_MAX = 32;
/** A cue for a place further from the wall clock goes by another clock than its source's pictures. */
const CUE_PAST_MS_MAX = 60_000;
const CUE_AHEAD_MS_MAX = 3 * 3600 * 1000;

/**
 * One publisher on a channel, whatever protocol brought it (the face that its connection has is `PublisherSession`): gathers the tracks, repairs the clock, and keeps what a
 * switch to it needs.
 *
 * Lifetime: from admission to `end` (from the connection, or from the operator's side). *Gathering* until the tracks are
 * known; *running* from its first frame that a feed can start with; *ended*, after which everything is swallowed.
 */
export class Source {
  readonly role: SourceRole;
  readonly tracks = new SourceTracks();
  readonly preroll = new Preroll();
  readonly #options: SourceOptions;
  readonly #host: SourceHost;
  readonly #captions = new CaptionWatch();
  #earlyCues: SourceCue[] = [];
  #gathering: Gathering | null = new Gathering();
  #timeline: Timeline | null = null;
  #metadata: SourceMetadata = {};
  #bytes = 0;
  #lastSeen: number;
  #ended = false;
  /** Of the first frame to be placed, when it was gathered, ms. */
  #ageMs = 0;
  #lastKeyMs: number | null = null;
  #newestIsKey = false;
  #newestMs = 0;
  /** When the last picture came, and since when they have come evenly; ms on the timeline. */
  #cameAtMs = Number.NEGATIVE_INFINITY;
  #flowingSinceMs = Number.NEGATIVE_INFINITY;
  #lastGapMs = 0;
  #patienceMs = STALL_MS;
  #slowAtMs = Number.NEGATIVE_INFINITY;
  #soundAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SourceOptions) {
    this.role = options.role;
    this.#options = options;
    this.#host = options.host;
    this.#lastSeen = options.host.steadyNow();
  }

  get channel(): string {
    return this.#host.channel;
  }

  get broadcastId(): string {
    return this.#host.broadcastId;
  }

  /** Media bytes taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the last frame of any kind came (at first: when it was admitted), on the steady clock. */
  get lastSeen(): number {
    return this.#lastSeen;
  }

  /** Its pictures keep coming (its sound, where it has no picture). */
  isAlive(nowMs: number): boolean {
    return nowMs - this.#cameAtMs <= this.#patienceMs;
  }

  isSteady(nowMs: number): boolean {
    return this.isAlive(nowMs) && nowMs - this.#flowingSinceMs >= STEADY_MS;
  }

  /** No backlog is still on its way; one that lasts is taken as it is. */
  isCaughtUp(nowMs: number): boolean {
    return nowMs - this.#newestMs < BACKLOG_MS || this.isSteady(nowMs);
  }

  /** Its pictures come without sound. */
  isMute(nowMs: number): boolean {
    return this.tracks.isPresent('video') && nowMs - this.#soundAtMs > STALL_MS;
  }

  /** The newest picture is a key. */
  get isAtKey(): boolean {
    return this.#newestIsKey && this.preroll.frames.length > 0;
  }

  config(config: DecoderConfig): FactsVerdict {
    const { verdict, changed } = this.tracks.configure(config);
    if (!changed || this.#ended) return verdict;
    this.preroll.clear();
    if (this.#gathering !== null) this.#gathering = new Gathering();
    else this.#host.tracksChanged(this);
    return verdict;
  }

  metadata(metadata: SourceMetadata): void {
    this.#metadata = { ...this.#metadata, ...metadata };
    if (metadata.frameRate !== undefined) this.tracks.assumeFrameRate(metadata.frameRate);
  }

  /** Frames of a track without config are dropped. */
  frame(frame: Frame): boolean {
    if (this.#ended) return true;
    this.#bytes += frame.data.length;
    this.#lastSeen = this.#host.steadyNow();
    this.#options.metrics.bytes.inc(frame.data.length);
    this.#options.metrics.frames.inc(frame.track === 'video' ? VIDEO : AUDIO);
    if (frame.data.length === 0 || !this.tracks.has(frame.track)) return true;
    if (this.#captions.look(frame)) this.#captionsFound();
    if (this.#gathering === null) this.#run(frame);
    else this.#gather(this.#gathering, frame);
    return !this.#host.blocks(this);
  }

  /** What it tells is dropped where its clock can't be told from this. */
  cue(cue: SourceCue): void {
    if (this.#ended) return;
    const placeMs = this.#timeline?.placeOf(cue.time, cue.timescale) ?? null;
    if (placeMs !== null) this.#tell(cue, placeMs);
    else if (this.#earlyCues.length < EARLY_CUES_MAX) this.#earlyCues.push(cue);
  }

  drained(): Promise<void> {
    return this.#host.drained();
  }

  end(): void {
    if (this.#ended) return;
    if (this.#gathering !== null) this.#startRunning(this.#gathering);
    this.#ended = true;
    this.#host.ended(this);
  }

  /** From the broadcast's side, which has let it go. */
  left(): void {
    this.#ended = true;
    this.#options.onLeft();
  }

  /** It was held back by us, which is no stall. */
  excuse(nowMs: number): void {
    this.#lastSeen = this.#host.steadyNow();
    this.#cameAtMs = Math.max(this.#cameAtMs, nowMs);
    if (this.#soundAtMs > Number.NEGATIVE_INFINITY) this.#soundAtMs = nowMs;
  }

  /** What comes from now on stands `byMs` later: its place is taken. */
  shift(byMs: number): void {
    this.#timeline?.shift(byMs);
  }

  #gather(gathering: Gathering, frame: Frame): void {
    gathering.add(frame);
    const known = this.#metadata.keyIntervalMs ?? this.#learnedKeyInterval();
    const keyInterval = this.#options.wantsKeyInterval && known === null;
    if (gathering.ready(this.#metadata, { frameRate: this.tracks.needsFrameRate, keyInterval })) {
      this.#startRunning(gathering);
    }
  }

  #learnedKeyInterval(): number | null {
    const config = this.tracks.configured('video');
    return config === null ? null : this.#host.knownKeyInterval(config);
  }

  #startRunning(gathering: Gathering): void {
    this.#gathering = null;
    this.tracks.assumeFrameRate(this.tracks.needsFrameRate ? gathering.measuredFrameRate() : null);
    for (const track of gathering.tracks) this.tracks.markPresent(track);
    const keyIntervalMs = this.#metadata.keyIntervalMs ?? gathering.keyIntervalMs ?? this.#learnedKeyInterval();
    if (keyIntervalMs !== null) this.tracks.noteKeyInterval(keyIntervalMs);
    const held = gathering.take();
    const first = held.find((frame) => mayStart(frame, this.tracks));
    if (first !== undefined) this.#ageMs = ageOf(first, held);
    for (const frame of held) this.#run(frame);
    this.#ageMs = 0;
  }

  /** A gap in the times says that pictures were lost: those that are held no longer lead up to the newest one. */
  #run(frame: Frame): void {
    if (!this.tracks.isPresent(frame.track)) this.#trackJoins(frame);
    const starts = mayStart(frame, this.tracks);
    if (this.#timeline === null) {
      if (!starts) return;
      this.#timeline = new Timeline(this.#host.begin(this.#ageMs), this.#options.onRepair);
    }
    const nowMs = this.#host.nowMs();
    const placed = this.#timeline.place(frame, nowMs);
    if (placed === null) return;
    const isMain = frame.track === 'video' || !this.tracks.isPresent('video');
    if (isMain && placed.dts - this.#newestMs > this.#patienceMs) this.preroll.clear();
    this.preroll.add(placed, starts);
    if (isMain) this.#came(placed, starts, nowMs);
    if (frame.track === 'audio') this.#soundAtMs = nowMs;
    this.#host.placed(this, placed);
    if (this.#earlyCues.length > 0) for (const cue of this.#earlyCues.splice(0)) this.cue(cue);
  }

  #tell({ kind, data }: SourceCue, placeMs: number): void {
    const { cues } = this.#options.metrics;
    const aheadMs = placeMs - this.#host.nowMs();
    const isOffClock = aheadMs > CUE_AHEAD_MS_MAX || aheadMs < -CUE_PAST_MS_MAX;
    cues.inc({ kind: isOffClock ? 'off-clock' : kind });
    if (!isOffClock) this.#host.told(this, { kind, data, atMs: Math.max(0, placeMs) });
  }

  #captionsFound(): void {
    this.tracks.noteCaptions(this.#captions.channels);
    this.#host.captionsFound(this);
  }

  #trackJoins(frame: Frame): void {
    this.tracks.markPresent(frame.track);
    if (frame.track === 'video') this.preroll.clear();
    if (this.#timeline !== null) this.#host.tracksChanged(this);
  }

  #came(placed: Frame, starts: boolean, nowMs: number): void {
    const gapMs = nowMs - this.#cameAtMs;
    if (gapMs > SLOW_MS) this.#paused(gapMs, nowMs);
    else if (nowMs - this.#slowAtMs > SLOW_REMEMBERED_MS) this.#patienceMs = STALL_MS;
    this.#lastGapMs = gapMs;
    this.#cameAtMs = nowMs;
    this.#newestMs = placed.dts;
    this.#newestIsKey = starts;
    if (starts && placed.track === 'video') this.#keyCame(placed.dts);
  }

  #paused(gapMs: number, nowMs: number): void {
    if (gapMs > this.#patienceMs) this.#flowingSinceMs = nowMs;
    const slow = Math.min(gapMs, this.#lastGapMs);
    if (slow <= SLOW_MS) return;
    this.#slowAtMs = nowMs;
    this.#patienceMs = Math.min(PATIENCE_MS_MAX, Math.max(STALL_MS, slow * 1.5));
  }

  #keyCame(ms: number): void {
    const distance = this.#lastKeyMs === null ? null : ms - this.#lastKeyMs;
    if (distance !== null && distance < KEYS_APART_MS_MIN) return;
    this.#lastKeyMs = ms;
    if (distance === null || distance >= KEY_INTERVAL_MS_MAX) return;
    this.tracks.noteKeyInterval(Math.max(distance, this.#metadata.keyIntervalMs ?? 0));
  }
}

const VIDEO = { track: 'video' } as const;
const AUDIO = { track: 'audio' } as const;
