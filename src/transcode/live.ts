/**
 * Live transcoding: each feed of a broadcast comes out as fragments, encoded by an ffmpeg or passed through as it is.
 *
 * Lifetime of a broadcast: its first feed fixes the ladder → feeds come and go, each with one run or, where a run fails,
 * several in turn → `endBroadcast` → its last run is over → the sink hears `endBroadcast`. A feed is refused (handed out already
 * destroyed, with a Failure) while its broadcast waits after too many failed runs, after its end, and while we drain.
 */
import { Writable } from 'node:stream';
import type { Rendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { SOFTWARE } from './encode-path.js';
import type { SourceDescription } from './feed/live-feed.js';
import type { FeedRun, FeedRunEnd } from './feed-run.js';
import { FeedTranscoding, type RunVerdict } from './feed-transcoding.js';
import { liveCommand } from './ffmpeg-command.js';
import type { FragmentSink } from './fragment-sink.js';
import { type EncoderLease, GpuFleet } from './gpu-fleet.js';
import { type BoxCapacity, LiveBroadcast } from './live-broadcast.js';
import { type LiveMetrics, liveMetrics } from './live-metrics.js';
import type { LivePace } from './live-pace.js';
import { LIVE_FIRST_FD, LiveRun, type LiveRunOptions } from './live-run.js';
import { PassthroughRun } from './passthrough/passthrough-run.js';
import { DEFAULT_PRESET, type Preset, SHIPPED_PRESETS } from './presets.js';
import { describePlan, dividedPlan, type RunPlan } from './run-plan.js';
import { INSTALL_FFMPEG, transcodeFailure } from './transcode-failure.js';

/** One continuous feed of a broadcast. Its bytes are Matroska; block times continue the broadcast's timeline. */
export interface FeedStart {
  readonly channel: string;
  readonly broadcastId: string;
  readonly facts: SourceFacts;
  /** Where the feed's first frame stands on the broadcast's timeline, ms. */
  readonly startMs: number;
  /** Wall clock of the timeline's zero, epoch ms. */
  readonly startedAt: number;
  /** The channel's ladder preset, decided at the broadcast's first feed; null or absent: the box's own choice. */
  readonly preset?: string | null;
}

export interface LiveTranscoderOptions {
  readonly fragments: FragmentSink;
  readonly log: Log;
  readonly metrics: Metrics;
  /** As `measureEncodeSpeed` answers, asked at each broadcast's start; all live broadcasts of the box share it. */
  readonly pixelsPerSecond: () => number;
  /** Ladders by name; default: those that are shipped. */
  readonly presets?: Readonly<Record<string, Preset>>;
  /** Of a channel that names none; default `auto`. */
  readonly preset?: string;
  /** Default: none. */
  readonly gpus?: GpuFleet;
  /** Default 2. */
  readonly segmentSec?: number;
  /** About how long the parts of segments are, ms, from 100 to 1000: the nearest whole number of pictures. Default 200. */
  readonly partMs?: number;
  /** Default 10. */
  readonly timelineOffsetSec?: number;
  /** ffmpeg is replaced after this long without output while input flows, ms, default 10 000; after 2 s if it does not even run. */
  readonly stallMs?: number;
  /** 0 to 19, default 5: below the box's own serving, above its VOD jobs. */
  readonly nice?: number;
  /** Default `ffmpeg` from PATH. */
  readonly binary?: string;
}

/** For status and metrics. */
export interface LiveStatus {
  readonly channel: string;
  readonly broadcastId: string;
  /** Rendition ids, highest first. */
  readonly renditions: readonly string[];
  /** What makes them: `passthrough`, `cpu`, or which GPU; empty while nothing runs. */
  readonly by: string;
  /** Media seconds per second of wall time, about 1; null while nothing runs or nothing is known. */
  readonly speed: number | null;
  readonly fps: number | null;
  /** How often ffmpeg had to be started again because it failed. */
  readonly restarts: number;
  /** Ms until a feed is accepted again; 0 in health. */
  readonly waitMs: number;
  readonly pid: number | null;
}

interface Slot {
  readonly broadcast: LiveBroadcast;
  readonly feeds: Set<FeedTranscoding>;
  /** Resolves when every feed so far is over. */
  settled: Promise<void>;
  by: string;
  ended: boolean;
}

/** A run with what it was given: the GPU's slots go back at its end. */
interface Assignment {
  readonly plan: RunPlan;
  readonly lease: EncoderLease | null;
}

const STDERR_IN_LOG = 2_000;
/** The longest segment of a source that is passed through: its keys are up to 4 s apart, and jitter. */
const LONGEST_PASSED_SEC = 4.5;
/** How far behind its input an encoder may be when it dies: what it had not handed out is fed to its heir. */
const ENCODER_LAG_MS = 1_500;

export class LiveTranscoder {
  readonly #options: Required<LiveTranscoderOptions>;
  readonly #slots = new Map<string, Slot>();
  readonly #assignments = new WeakMap<FeedRun, Assignment>();
  readonly #metrics: LiveMetrics;
  #draining = false;

  constructor(options: LiveTranscoderOptions) {
    this.#options = withDefaults(options);
    this.#metrics = liveMetrics(options.metrics);
  }

  /**
   * The writable for one feed. A slow encoder shows as backpressure; one that fails for good as `close`. Errors on it have a
   * listener already.
   */
  open(start: FeedStart): Writable {
    if (this.#draining) return this.#refuse(start, 'the box is stopping');
    const slot = this.#slotOf(start);
    const refusal = this.#refusal(start, slot);
    if (refusal !== null) return this.#refuse(start, refusal);
    return this.#startFeed(start, slot).writable;
  }

  /** After the `end` of the broadcast's last feed. Passed on once everything has been handed out. */
  endBroadcast(broadcastId: string): void {
    const slot = this.#slots.get(broadcastId);
    if (slot?.ended) return;
    if (slot !== undefined) slot.ended = true;
    void (slot?.settled ?? Promise.resolve()).then(() => {
      if (slot !== undefined) this.#forget(broadcastId, slot.broadcast.channel);
      this.#options.fragments.endBroadcast(broadcastId);
    });
  }

  live(): LiveStatus[] {
    const now = performance.now();
    return [...this.#slots].map(([broadcastId, { broadcast, feeds, by }]) => {
      const run = [...feeds].at(-1)?.run ?? null;
      const [speed, fps] = [run?.pace.speed ?? null, run?.pace.fps ?? null];
      const { channel, failures: restarts, policy } = broadcast;
      const renditions = broadcast.renditions.map((rendition) => rendition.id);
      const waitMs = Math.round(policy.waitMs(now));
      return {
        channel,
        broadcastId,
        renditions,
        by: run === null ? '' : by,
        speed,
        fps,
        restarts,
        waitMs,
        pid: run?.pid ?? null,
      };
    });
  }

  /** Takes no more feeds, ends the open ones, and resolves when all runs are over; what is left after `graceMs` is killed. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const feeds = [...this.#slots.values()].flatMap((slot) => [...slot.feeds]);
    for (const feed of feeds) feed.finish();
    const insist = setTimeout(() => {
      for (const feed of feeds) feed.kill();
    }, graceMs);
    await Promise.all([...this.#slots.values()].map((slot) => slot.settled));
    clearTimeout(insist);
  }

  #forget(broadcastId: string, channel: string): void {
    this.#slots.delete(broadcastId);
    this.#metrics.broadcasts.set(this.#slots.size);
    this.#metrics.speed.remove({ channel });
    this.#metrics.fps.remove({ channel });
  }

  #slotOf(start: FeedStart): Slot {
    const known = this.#slots.get(start.broadcastId);
    if (known !== undefined) return known;
    const { channel } = start;
    const { segmentSec, partMs } = this.#options;
    const log = this.#logOf(start);
    const broadcast = new LiveBroadcast({ channel, preset: this.#presetOf(start), segmentSec, partMs, log });
    const slot: Slot = { broadcast, feeds: new Set(), settled: Promise.resolve(), by: '', ended: false };
    this.#slots.set(start.broadcastId, slot);
    this.#metrics.broadcasts.set(this.#slots.size);
    return slot;
  }

  #presetOf(start: FeedStart): Preset {
    const { presets, preset: fallback } = this.#options;
    const name = start.preset ?? fallback;
    const preset = presets[name];
    if (preset !== undefined) return preset;
    const hint = `Name one of ${Object.keys(presets).join(', ')}, or write it down in the configuration (presets).`;
    this.#logOf(start).warn({ preset: name, hint }, 'there is no such ladder preset: the automatic one is used');
    return presets[fallback] ?? SHIPPED_PRESETS[DEFAULT_PRESET];
  }

  #refusal(start: FeedStart, { broadcast, ended }: Slot): string | null {
    if (ended) return 'the broadcast has ended';
    const nothing = broadcast.isChosen && playable(broadcast.renditions, start.facts).length === 0;
    if (nothing || (start.facts.video === null && start.facts.audio === null)) {
      return 'the feed has neither picture nor sound to encode';
    }
    const waitMs = Math.round(broadcast.policy.waitMs(performance.now()));
    return waitMs > 0 ? `it failed ${broadcast.policy.failures} times in a row; next try in ${waitMs} ms` : null;
  }

  #refuse(start: FeedStart, why: string): Writable {
    this.#logOf(start).debug({ why }, 'feed refused');
    const refused = new Writable({ write: (_chunk, _encoding, done) => done() });
    refused.on('error', () => {});
    const hint = 'the log tells why ffmpeg ended; open the feed again later';
    return refused.destroy(transcodeFailure('transcode.live-refused', why, hint));
  }

  #startFeed(start: FeedStart, slot: Slot): FeedTranscoding {
    const log = this.#logOf(start);
    const describe = slot.broadcast.needed(start.facts);
    const longestSec = describe === 'no' ? this.#options.segmentSec : LONGEST_PASSED_SEC;
    const feed = new FeedTranscoding({
      ...{ describe, startMs: start.startMs, log, after: slot.settled },
      rememberMs: longestSec * 1000 + ENCODER_LAG_MS,
      startRun: (source, startMs, after) => this.#startRun({ ...start, startMs }, slot, source, after),
      onOver: (run, end) => this.#runOver(run, end, log),
      onFailure: (run, end) => this.#runFailed(run, end, slot, log),
    });
    slot.feeds.add(feed);
    slot.settled = Promise.all([slot.settled, feed.over]).then(() => {
      slot.feeds.delete(feed);
    });
    return feed;
  }

  #startRun(start: FeedStart, slot: Slot, source: SourceDescription, after: Promise<unknown>): FeedRun | null {
    const { fragments, timelineOffsetSec } = this.#options;
    const { channel, broadcastId, startedAt, facts } = start;
    const { broadcast } = slot;
    const log = this.#logOf(start);
    const capacity = this.#capacity(broadcast);
    broadcast.choose(facts, source, capacity);
    const assignment = this.#assign(broadcast, facts, source, capacity);
    const { plan } = assignment;
    if (plan.renditions.length === 0) return null;
    const { cut, segmentSec, keyIntervalSec, renditions, part } = plan;
    const timing = { startedAt, timelineOffsetSec, cut, segmentSec, keyIntervalSec, partSec: part.maxSec };
    const openRun = () => fragments.openRun({ channel, broadcastId, ...timing, renditions });
    const onPace = (pace: LivePace) => this.#showPace(channel, pace);
    const { passed, encoded } = dividedPlan(plan);
    const own = { tracks: source.tracks, video: facts.video, renditions: passed, timelineOffsetSec, part };
    const common = { after, openRun, onPace };
    const run =
      encoded.length === 0
        ? new PassthroughRun({ ...common, ...own })
        : this.#spawn(start, plan, { ...common, passed: passed.length === 0 ? null : own, log });
    this.#assignments.set(run, assignment);
    slot.by = describePlan(plan);
    const { startMs } = start;
    log.info(
      { pid: run.pid, startMs, by: slot.by, renditions: renditions.map(({ id }) => id) },
      'live transcoding started',
    );
    return run;
  }

  #spawn(
    start: FeedStart,
    plan: RunPlan,
    common: Pick<LiveRunOptions, 'after' | 'openRun' | 'onPace' | 'passed' | 'log'>,
  ): LiveRun {
    const { timelineOffsetSec, stallMs, nice, binary } = this.#options;
    const { path, segmentSec, cut, part } = plan;
    const { facts, startMs } = start;
    const where = { startMs, timelineOffsetSec, segmentSec, part, firstOutputFd: LIVE_FIRST_FD };
    const keys = cut === 'keys' ? 'source' : 'grid';
    const command = liveCommand({ renditions: dividedPlan(plan).encoded, path, facts, keys, ...where });
    return new LiveRun({ ...common, command, stallMs, nice, binary });
  }

  #assign(broadcast: LiveBroadcast, facts: SourceFacts, source: SourceDescription, capacity: BoxCapacity): Assignment {
    let lease: EncoderLease | null = null;
    const plan = broadcast.plan(facts, source, capacity, (rungs) => {
      lease = facts.video === null ? null : this.#options.gpus.lease(facts.video, rungs);
      return lease?.path ?? SOFTWARE;
    });
    return { plan, lease };
  }

  #capacity(broadcast: LiveBroadcast): BoxCapacity {
    // One that has ended only drains; its successor on the channel is not to be made smaller for it.
    const others = [...this.#slots.values()].filter((slot) => slot.broadcast !== broadcast && !slot.ended);
    const committed = others.reduce((sum, slot) => sum + slot.broadcast.cost, 0);
    const { pixelsPerSecond, gpus } = this.#options;
    return { pixelsPerSecond: pixelsPerSecond(), committed, hasEncoder: gpus.hasEncoder, codecs: gpus.codecs };
  }

  #showPace(channel: string, pace: LivePace): void {
    if (pace.speed !== null) this.#metrics.speed.set({ channel }, pace.speed);
    if (pace.fps !== null) this.#metrics.fps.set({ channel }, pace.fps);
  }

  #runOver(run: FeedRun, end: FeedRunEnd, log: Log): void {
    this.#metrics.bytes.inc(end.bytes);
    if (end.outcome.ok) log.info(toldOf(end), 'live transcoding ended');
    else if (end.feedEnded || this.#draining) {
      log.warn(toldOf(end), `live transcoding did not end well: ${end.outcome.message}`);
    }
    if (end.feedEnded || this.#draining) this.#assignments.get(run)?.lease?.release();
  }

  #runFailed(run: FeedRun, end: FeedRunEnd, { broadcast }: Slot, log: Log): RunVerdict {
    const assignment = this.#assignments.get(run);
    if (assignment === undefined || end.outcome.ok)
      throw new Error('a run failed that was not started, or did not fail');
    const { cause, message } = end.outcome;
    this.#metrics.failures.inc({ cause });
    const isGpus = assignment.lease?.failed(end) ?? false;
    assignment.lease?.release();
    const { waitMs, coolDown } = isGpus
      ? broadcast.failedOnGpu()
      : broadcast.failed(end, assignment.plan, performance.now());
    const advice = cause === 'missing' ? `; ${INSTALL_FFMPEG}` : '';
    const next = coolDown ? `given up for ${waitMs / 1000} s` : 'started again';
    const words = `live transcoding failed, ${next}: ${message}${advice}`;
    log[coolDown ? 'error' : 'warn']({ ...toldOf(end), waitMs }, words);
    return { waitMs, giveUp: coolDown };
  }

  #logOf(start: FeedStart): Log {
    return this.#options.log.child({ channel: start.channel, broadcast: start.broadcastId });
  }
}

function toldOf({ outcome, livedMs, bytes, sinkTrouble }: FeedRunEnd) {
  const told = { livedMs: Math.round(livedMs), bytes, ...(sinkTrouble === '' ? {} : { sinkTrouble }) };
  return outcome.ok ? told : { ...told, cause: outcome.cause, stderr: outcome.stderr.slice(-STDERR_IN_LOG) };
}

function withDefaults(options: LiveTranscoderOptions): Required<LiveTranscoderOptions> {
  return {
    ...options,
    presets: options.presets ?? SHIPPED_PRESETS,
    preset: options.preset ?? DEFAULT_PRESET,
    gpus: options.gpus ?? new GpuFleet({ log: options.log, probe: async () => false }),
    segmentSec: options.segmentSec ?? 2,
    partMs: options.partMs ?? 200,
    timelineOffsetSec: options.timelineOffsetSec ?? 10,
    stallMs: options.stallMs ?? 10_000,
    nice: options.nice ?? 5,
    binary: options.binary ?? 'ffmpeg',
  };
}

/** The ladder stays the broadcast's; a later feed may lack a track that the first one had. */
function playable(ladder: readonly Rendition[], facts: SourceFacts): Rendition[] {
  return ladder.filter((rendition) => facts[rendition.kind] !== null);
}
