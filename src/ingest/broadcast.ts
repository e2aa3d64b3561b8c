import type { DecoderConfig, Frame } from '../media/frame.js';
import type { CaptionChannels, SourceFacts } from '../media/source-facts.js';
import type { TimedMetadata } from '../media/timed-metadata.js';
import type { Log } from '../telemetry/log.js';
import { joinCaptions } from './captions.js';
import type { FeedLimits } from './feed.js';
import { FeedMuxer, GAP_MS_MAX } from './feed-muxer.js';
import type { FeedSink } from './feed-sink.js';
import type { IngestMetrics } from './ingest-metrics.js';
import type { LiveEvents, OnAirName } from './live-events.js';
import { type Candidate, nextOnAir } from './on-air.js';
import { squeeze } from './preroll.js';
import type { SlateShelf } from './slate-shelf.js';
import { Source, type SourceHost, type SourceRole } from './source.js';
import type { SourceCue } from './source-cue.js';
import type { FactsVerdict } from './source-facts.js';
import type { SourceMetadata } from './source-metadata.js';
import { sameConfig } from './source-tracks.js';
import { StandIn } from './stand-in.js';
import type { ClockRepair } from './timeline.js';

/** What a protocol's connection holds while it publishes. All of it may be called after the end, and then does nothing. */
export interface PublisherSession {
  readonly channel: string;
  readonly broadcastId: string;
  /** Refused: the source can't be used; tell the publisher the message and let it go. */
  config(config: DecoderConfig): FactsVerdict;
  metadata(metadata: SourceMetadata): void;
  /** False: stop reading from the publisher until `drained` resolves. The frame itself is taken. */
  frame(frame: Frame): boolean;
  /** Something is told beside the frames. */
  cue(cue: SourceCue): void;
  /** Resolves when frames may come again; never waits longer than the feed's stall bound. */
  drained(): Promise<void>;
  end(): void;
}

/** How often it is looked whether something has stopped, and how much of a slate is played at once. */
const TICK_MS = 100;
/** A look so long after the last one: this process itself stood still, and what publishers sent meanwhile is yet to be read. */
const LATE_MS = 400;
/** Clock jumps that get a log line of their own in one broadcast; the counter has them all. */
const LOGGED_JUMPS_MAX = 10;
/** A new source whose place is taken for longer than this moves its whole timeline on; below, its pictures are pushed together. */
const OVERLAP_MS_MAX = 1000;

/**
 * One channel on air: one timeline and one feed at a time, from whichever source is chosen (record 0006).
 *
 * Lifetime: from the first admission for as long as a publisher is there, and for the grace time after the last one left;
 * or to `finish` (channel deleted, key rotated, box closing). It is announced as started when its first feed opens, and as
 * ended only if it was. One that never opened a feed ends with its last publisher.
 */
export class Broadcast implements SourceHost {
  readonly channel: string;
  readonly broadcastId: string;
  readonly admittedAt: number;
  readonly #options: BroadcastOptions;
  readonly #muxer: FeedMuxer;
  readonly #standIn: StandIn;
  readonly #sources: Record<SourceRole, Source | null> = { primary: null, backup: null };
  readonly #seen = new Set<SourceRole>();
  readonly #timer: NodeJS.Timeout;
  /** The timeline's zero: on the steady clock, and epoch ms. */
  #zero: { readonly steady: number; readonly startedAt: number } | null = null;
  #onAir: OnAirName = 'nothing';
  #begun = false;
  /** When the last frame went out, or the one on air was excused; ms on the timeline. */
  #shownAtMs = 0;
  /** The last look at the clock, on the steady one, and whether it decided nothing because it came late. */
  #lookedAt = 0;
  #waitedOnce = false;
  /** Of the last publisher on air. */
  #facts: SourceFacts = { video: null, audio: null };
  #keyInterval: { readonly config: DecoderConfig; readonly ms: number } | null = null;
  #captions: CaptionChannels | null = null;
  #leftAt = 0;
  #bytesOfGone = 0;
  #feeds = 0;
  #jumps = 0;
  #ended = false;

  constructor(options: BroadcastOptions) {
    this.#options = options;
    this.channel = options.channel;
    this.broadcastId = options.broadcastId;
    this.admittedAt = options.clock();
    this.#muxer = new FeedMuxer({
      ...options,
      exact: options.mayPassThrough,
      startedAt: () => this.#zero?.startedAt ?? options.clock(),
      onFeed: (facts) => this.#feedOpened(facts),
    });
    this.#standIn = new StandIn({ ...options, muxer: this.#muxer });
    this.#lookedAt = options.steadyClock();
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  /** Takes the role's slot, which must be free. `onLeft`: it is free again. */
  attach(role: SourceRole, onLeft: () => void): Source {
    const { metrics, mayPassThrough: wantsKeyInterval, log } = this.#options;
    const onRepair = (repair: ClockRepair) => this.#clockRepaired(role, repair);
    const source = new Source({ role, host: this, wantsKeyInterval, metrics, onRepair, onLeft });
    this.#sources[role] = source;
    metrics.publishers.inc();
    if (this.#seen.has(role)) {
      metrics.reconnects.inc();
      log.info({ role }, 'publisher came back');
    }
    this.#seen.add(role);
    return source;
  }

  source(role: SourceRole): Source | null {
    return this.#sources[role];
  }

  /** The role's publisher has sent nothing for `ms`, and not because we held it back. */
  isAbandoned(role: SourceRole, ms: number): boolean {
    const source = this.#sources[role];
    return source !== null && !this.blocks(source) && this.#options.steadyClock() - source.lastSeen > ms;
  }

  get onAir(): OnAirName {
    return this.#onAir;
  }

  /** What is known of the source on air, or of the last one that was. */
  get facts(): SourceFacts {
    const role = this.#onAir === 'backup' || this.#sources.primary === null ? 'backup' : 'primary';
    return this.#sources[role]?.tracks.facts ?? this.#facts;
  }

  /** Media bytes taken so far, from all its publishers. */
  get bytes(): number {
    const { primary, backup } = this.#sources;
    return this.#bytesOfGone + (primary?.bytes ?? 0) + (backup?.bytes ?? 0);
  }

  steadyNow(): number {
    return this.#options.steadyClock();
  }

  nowMs(): number {
    return this.#zero === null ? 0 : this.#options.steadyClock() - this.#zero.steady;
  }

  begin(ageMs: number): number {
    if (this.#zero !== null) return Math.max(0, Math.round(this.nowMs() - ageMs));
    const { clock, steadyClock } = this.#options;
    this.#zero = { steady: steadyClock() - ageMs, startedAt: clock() - ageMs };
    return 0;
  }

  knownKeyInterval(config: DecoderConfig): number | null {
    const known = this.#keyInterval;
    return known !== null && sameConfig(known.config, config) ? known.ms : null;
  }

  placed(source: Source, frame: Frame): void {
    if (this.#onAir === source.role) {
      this.#shownAtMs = this.nowMs();
      this.#muxer.frame(frame);
    } else if (!this.#ended) {
      this.#choose();
    }
  }

  /** What a source tells that viewers don't see is none of theirs. */
  told(source: Source, { atMs, kind, data }: TimedMetadata): void {
    if (this.#ended || this.#onAir !== source.role) return;
    const { channel, broadcastId, events } = this.#options;
    events.timedMetadata({ channel, broadcastId, atMs, kind, data });
  }

  captionsFound(source: Source): void {
    if (!this.#ended && this.#onAir === source.role) this.#showCaptions(source);
  }

  tracksChanged(source: Source): void {
    if (this.#onAir === source.role) this.#muxer.tracksChanged();
  }

  blocks(source: Source): boolean {
    return this.#onAir === source.role && this.#muxer.blocked;
  }

  drained(): Promise<void> {
    return this.#muxer.drained();
  }

  ended(source: Source): void {
    if (this.#ended || this.#sources[source.role] !== source) return;
    this.#sources[source.role] = null;
    source.left();
    this.#bytesOfGone += source.bytes;
    this.#leftAt = this.#options.steadyClock();
    this.#options.metrics.publishers.dec();
    this.#options.log.info({ role: source.role, bytes: source.bytes }, 'publisher left');
    if (this.#isOver()) this.finish();
    else this.#choose();
  }

  /** Looks at the clock: who stalls, what of the slate is due, whether the grace time is over. */
  tick(): void {
    if (this.#ended || this.#isLate()) return;
    if (this.#isOver()) {
      this.finish();
    } else if (this.#muxer.blocked) {
      this.#excuse();
    } else {
      this.#choose();
      this.#reviveFeed();
      this.#standIn.play(this.nowMs());
      this.#standIn.fillSilence(this.#sourceOnAir()?.isMute(this.nowMs()) === true);
    }
  }

  /** True once in a row: a box that is always late decides all the same. */
  #isLate(): boolean {
    const now = this.#options.steadyClock();
    this.#waitedOnce = now - this.#lookedAt > LATE_MS && !this.#waitedOnce;
    this.#lookedAt = now;
    return this.#waitedOnce;
  }

  finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#standIn.hide();
    for (const source of [this.#sources.primary, this.#sources.backup]) {
      if (source === null) continue;
      source.left();
      this.#options.metrics.publishers.dec();
    }
    this.#muxer.end();
    const { channel, broadcastId, sink, events, log, clock } = this.#options;
    if (this.#feeds > 0) {
      sink.endBroadcast(broadcastId);
      events.broadcastEnded({ channel, broadcastId, at: clock() });
    }
    log.info({ bytes: this.bytes, feeds: this.#feeds }, 'broadcast over');
    this.#options.onEnded();
  }

  #sourceOnAir(): Source | null {
    return this.#onAir === 'primary' || this.#onAir === 'backup' ? this.#sources[this.#onAir] : null;
  }

  #isOver(): boolean {
    if (this.#sources.primary !== null || this.#sources.backup !== null) return false;
    return this.#feeds === 0 || this.#options.steadyClock() - this.#leftAt >= this.#options.graceMs;
  }

  /** A receiver that holds us back makes publishers wait: that is no stall of theirs. */
  #excuse(): void {
    const nowMs = this.nowMs();
    this.#shownAtMs = nowMs;
    this.#sourceOnAir()?.excuse(nowMs);
  }

  #choose(): void {
    const nowMs = this.nowMs();
    const next = nextOnAir({
      current: this.#onAir,
      primary: this.#candidate(this.#sources.primary, nowMs),
      backup: this.#candidate(this.#sources.backup, nowMs),
      slateReady: () => this.#standIn.isReady(),
      silentMs: nowMs - this.#shownAtMs,
      patienceMs: GAP_MS_MAX,
    });
    if (next !== this.#onAir) this.#switchTo(next, nowMs);
  }

  #candidate(source: Source | null, nowMs: number): Candidate | null {
    if (source === null) return null;
    const startable = source.preroll.frames.length > 0 && (this.#feeds === 0 || source.isCaughtUp(nowMs));
    return { alive: source.isAlive(nowMs), startable, steady: source.isSteady(nowMs), atKey: source.isAtKey };
  }

  #switchTo(next: OnAirName, nowMs: number): void {
    const from = this.#onAir;
    this.#onAir = next;
    this.#standIn.hide();
    if (next === 'slate') this.#standIn.show(nowMs);
    else if (next === 'nothing') this.#muxer.flush();
    else this.#takeOn(this.#sources[next], nowMs);
    this.#tellSwitch(from, next);
  }

  /** A caption channel that was there once stays announced: players choose among them at the start. */
  #showCaptions(source: Source): void {
    const found = source.tracks.captions;
    const joined = found === null ? null : joinCaptions(this.#captions, found);
    if (joined === null) return;
    this.#captions = joined;
    const { channel, broadcastId, events, log } = this.#options;
    log.info({ captions: joined }, 'the pictures carry captions');
    events.captionsFound({ channel, broadcastId, captions: joined });
  }

  #tellSwitch(from: OnAirName, to: OnAirName): void {
    const isFirst = !this.#begun;
    this.#begun = true;
    if (isFirst) return;
    const { channel, broadcastId, events, metrics, log, clock } = this.#options;
    metrics.switches.inc({ to });
    log.info({ from, to }, 'another source is on air');
    events.sourceChanged({ channel, broadcastId, from, to, at: clock() });
  }

  /** Brings the decoder up to the source's newest picture, which gets the place where the wall clock stands. */
  #takeOn(source: Source | null, nowMs: number): void {
    if (source === null) return;
    const track = source.tracks.isPresent('video') ? 'video' : 'audio';
    const { frames, startMs, lateMs } = squeeze(source.preroll.frames, this.#muxer.floorMs(track));
    if (lateMs > OVERLAP_MS_MAX) source.shift(lateMs);
    this.#shownAtMs = nowMs;
    this.#muxer.use(source.tracks, startMs);
    for (const frame of frames) this.#muxer.frame(frame);
    this.#showCaptions(source);
  }

  /** A lost feed needs no new key of the publisher's: the last one is still held. (A slate brings keys of its own.) */
  #reviveFeed(): void {
    const source = this.#sourceOnAir();
    if (source === null || source.preroll.frames.length === 0) return;
    if (this.#muxer.mayReopen(this.#muxer.lastMs)) this.#takeOn(source, this.nowMs());
  }

  #feedOpened(facts: SourceFacts): void {
    const { channel, broadcastId, events, log, metrics } = this.#options;
    this.#feeds++;
    metrics.feeds.inc();
    log.info({ facts, feed: this.#feeds, onAir: this.#onAir }, 'feed opened');
    if (this.#onAir !== 'slate') this.#learn(facts);
    if (this.#feeds === 1) {
      events.broadcastStarted({ channel, broadcastId, at: this.#zero?.startedAt ?? this.admittedAt });
    }
  }

  #learn(facts: SourceFacts): void {
    this.#facts = facts;
    this.#standIn.learn(facts);
    const video = this.#sourceOnAir()?.tracks.configured('video') ?? null;
    const ms = facts.video?.keyIntervalMs ?? null;
    if (video !== null && ms !== null) this.#keyInterval = { config: video, ms };
  }

  #clockRepaired(role: SourceRole, repair: ClockRepair): void {
    this.#options.metrics.clockRepairs.inc({ kind: repair.kind });
    if (repair.kind !== 'jump' || this.#jumps >= LOGGED_JUMPS_MAX) return;
    this.#jumps++;
    const { track, byMs } = repair;
    this.#options.log.warn({ role, track, byMs }, 'the source clock jumped; times were repaired');
  }
}

export interface BroadcastOptions {
  readonly channel: string;
  readonly broadcastId: string;
  readonly preset: string | null;
  /** For how long a broadcast whose publishers have left goes on, ms. */
  readonly graceMs: number;
  /** Null: viewers get nothing new while nobody publishes. */
  readonly slates: SlateShelf | null;
  /** Pictures may be passed on as they are: the distance of keys is wanted, and each switch needs a new feed. */
  readonly mayPassThrough: boolean;
  readonly sink: FeedSink;
  readonly events: LiveEvents;
  readonly limits: FeedLimits;
  readonly metrics: IngestMetrics;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Ms that never jump, from any zero. */
  readonly steadyClock: () => number;
  readonly log: Log;
  /** The channel is free again. */
  readonly onEnded: () => void;
}
