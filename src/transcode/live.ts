/**
 * Live transcoding: each feed of a broadcast goes through an ffmpeg of its own, and comes out as fragments.
 *
 * Lifetime of a broadcast: its first feed fixes the ladder → feeds come and go, one run each (a feed that is destroyed is
 * opened again by ingest, from the next key) → `endBroadcast` → its last run is over → the sink hears `endBroadcast`.
 * A feed is refused (handed out already destroyed, with a Failure) while its broadcast waits after a failed run, after
 * its end, and while we drain.
 */
import { Writable } from 'node:stream';
import type { Rendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { liveCommand, type VideoEncoder } from './ffmpeg-command.js';
import type { FragmentSink } from './fragment-sink.js';
import { encodeCost, liveLadder } from './ladder.js';
import { type LiveMetrics, liveMetrics } from './live-metrics.js';
import type { LivePace } from './live-pace.js';
import { LIVE_FIRST_FD, LiveRun, type LiveRunEnd } from './live-run.js';
import { RestartPolicy } from './restart-policy.js';
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
}

export interface LiveTranscoderOptions {
  readonly fragments: FragmentSink;
  readonly log: Log;
  readonly metrics: Metrics;
  /** As `measureEncodeSpeed` answers, asked at each broadcast's start; all live broadcasts of the box share it. */
  readonly pixelsPerSecond: () => number;
  readonly encoder?: VideoEncoder;
  /** Default 2. */
  readonly segmentSec?: number;
  /** Default 10. */
  readonly timelineOffsetSec?: number;
  /** ffmpeg is started again after this long without output while input flows, ms. Default 10 000. */
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
  /** Media seconds per second of wall time, about 1; null while nothing runs or nothing is known. */
  readonly speed: number | null;
  readonly fps: number | null;
  /** How often ffmpeg had to be started again because it failed. */
  readonly restarts: number;
  /** Ms until a feed is accepted again; 0 in health. */
  readonly waitMs: number;
  readonly pid: number | null;
}

interface Broadcast {
  readonly channel: string;
  readonly ladder: readonly Rendition[];
  readonly cost: number;
  readonly policy: RestartPolicy;
  readonly runs: Set<LiveRun>;
  /** Resolves when every run so far is over. */
  settled: Promise<void>;
  failures: number;
  ended: boolean;
}

const STDERR_IN_LOG = 2_000;

export class LiveTranscoder {
  readonly #options: Required<LiveTranscoderOptions>;
  readonly #broadcasts = new Map<string, Broadcast>();
  readonly #metrics: LiveMetrics;
  #draining = false;

  constructor(options: LiveTranscoderOptions) {
    this.#options = withDefaults(options);
    this.#metrics = liveMetrics(options.metrics);
  }

  /**
   * The writable for one feed. It is ffmpeg's stdin: a slow encoder shows as backpressure, and its death as `close`.
   * Errors on it have a listener already.
   */
  open(start: FeedStart): Writable {
    if (this.#draining) return this.#refuse(start, 'the box is stopping');
    const broadcast = this.#broadcastOf(start);
    const refusal = this.#refusal(start, broadcast);
    if (refusal !== null) return this.#refuse(start, refusal);
    const run = this.#startRun(start, broadcast);
    return run.feed ?? this.#refuse(start, 'ffmpeg could not be started');
  }

  /** After the `end` of the broadcast's last feed. Passed on once everything has been handed out. */
  endBroadcast(broadcastId: string): void {
    const broadcast = this.#broadcasts.get(broadcastId);
    if (broadcast?.ended) return;
    if (broadcast !== undefined) broadcast.ended = true;
    void (broadcast?.settled ?? Promise.resolve()).then(() => {
      if (broadcast !== undefined) this.#forget(broadcastId, broadcast.channel);
      this.#options.fragments.endBroadcast(broadcastId);
    });
  }

  live(): LiveStatus[] {
    const now = performance.now();
    return [...this.#broadcasts].map(([broadcastId, { channel, ladder, runs, failures, policy }]) => {
      const run = [...runs].at(-1);
      const [speed, fps] = [run?.pace.speed ?? null, run?.pace.fps ?? null];
      const renditions = ladder.map((rendition) => rendition.id);
      const waitMs = Math.round(policy.waitMs(now));
      return { channel, broadcastId, renditions, speed, fps, restarts: failures, waitMs, pid: run?.pid ?? null };
    });
  }

  /** Takes no more feeds, ends the open ones, and resolves when all runs are over; what is left after `graceMs` is killed. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const runs = [...this.#broadcasts.values()].flatMap((broadcast) => [...broadcast.runs]);
    for (const run of runs) run.finish();
    const insist = setTimeout(() => {
      for (const run of runs) run.kill();
    }, graceMs);
    await Promise.all([...this.#broadcasts.values()].map((broadcast) => broadcast.settled));
    clearTimeout(insist);
  }

  #forget(broadcastId: string, channel: string): void {
    this.#broadcasts.delete(broadcastId);
    this.#metrics.broadcasts.set(this.#broadcasts.size);
    this.#metrics.speed.remove({ channel });
    this.#metrics.fps.remove({ channel });
  }

  #broadcastOf(start: FeedStart): Broadcast {
    const known = this.#broadcasts.get(start.broadcastId);
    if (known !== undefined) return known;
    const committed = [...this.#broadcasts.values()].reduce((sum, broadcast) => sum + broadcast.cost, 0);
    const { video, audio } = liveLadder(start.facts, { pixelsPerSecond: this.#options.pixelsPerSecond(), committed });
    const broadcast: Broadcast = {
      channel: start.channel,
      ladder: [...video, ...(audio === null ? [] : [audio])],
      cost: encodeCost(start.facts, video),
      policy: new RestartPolicy(),
      runs: new Set(),
      settled: Promise.resolve(),
      failures: 0,
      ended: false,
    };
    this.#broadcasts.set(start.broadcastId, broadcast);
    this.#metrics.broadcasts.set(this.#broadcasts.size);
    const renditions = broadcast.ladder.map((rendition) => rendition.id);
    this.#logOf(start).info({ renditions, facts: start.facts }, 'live ladder chosen');
    return broadcast;
  }

  #refusal(start: FeedStart, broadcast: Broadcast): string | null {
    if (broadcast.ended) return 'the broadcast has ended';
    if (playable(broadcast.ladder, start.facts).length === 0) return 'the feed has neither picture nor sound to encode';
    const waitMs = Math.round(broadcast.policy.waitMs(performance.now()));
    return waitMs > 0 ? `ffmpeg failed ${broadcast.policy.failures} times in a row; next try in ${waitMs} ms` : null;
  }

  #refuse(start: FeedStart, why: string): Writable {
    this.#logOf(start).debug({ why }, 'feed refused');
    const refused = new Writable({ write: (_chunk, _encoding, done) => done() });
    refused.on('error', () => {});
    const hint = 'the log tells why ffmpeg ended; open the feed again later';
    return refused.destroy(transcodeFailure('transcode.live-refused', why, hint));
  }

  #startRun(start: FeedStart, broadcast: Broadcast): LiveRun {
    const { fragments, encoder, segmentSec, timelineOffsetSec, stallMs, nice, binary } = this.#options;
    const { channel, broadcastId, startedAt, startMs, facts } = start;
    const log = this.#logOf(start);
    const renditions = playable(broadcast.ladder, facts);
    const firstOutputFd = LIVE_FIRST_FD;
    const command = liveCommand({ renditions, facts, encoder, startMs, timelineOffsetSec, segmentSec, firstOutputFd });
    const opening = { channel, broadcastId, startedAt, timelineOffsetSec, segmentSec, renditions };
    const openRun = () => fragments.openRun(opening);
    const onPace = (pace: LivePace) => this.#showPace(channel, pace);
    const run = new LiveRun({ command, after: broadcast.settled, openRun, log, stallMs, nice, binary, onPace });
    log.info({ pid: run.pid, startMs }, 'live transcoding started');
    broadcast.runs.add(run);
    const over = run.over.then((end) => {
      broadcast.runs.delete(run);
      this.#runEnded(end, broadcast, log);
    });
    broadcast.settled = Promise.all([broadcast.settled, over]).then(() => {});
    return run;
  }

  #showPace(channel: string, pace: LivePace): void {
    if (pace.speed !== null) this.#metrics.speed.set({ channel }, pace.speed);
    if (pace.fps !== null) this.#metrics.fps.set({ channel }, pace.fps);
  }

  #runEnded(end: LiveRunEnd, broadcast: Broadcast, log: Log): void {
    this.#metrics.bytes.inc(end.bytes);
    const { outcome, livedMs, sinkTrouble } = end;
    const told = { livedMs: Math.round(livedMs), bytes: end.bytes, ...(sinkTrouble === '' ? {} : { sinkTrouble }) };
    if (outcome.ok) {
      log.info(told, 'live transcoding ended');
      return;
    }
    const words = { ...told, cause: outcome.cause, stderr: outcome.stderr.slice(-STDERR_IN_LOG) };
    if (end.feedEnded || this.#draining) {
      log.warn(words, `live transcoding did not end well: ${outcome.message}`);
      return;
    }
    broadcast.failures += 1;
    this.#metrics.failures.inc({ cause: outcome.cause });
    const { waitMs, coolDown } = broadcast.policy.failed(performance.now(), livedMs);
    const advice = outcome.cause === 'missing' ? `; ${INSTALL_FFMPEG}` : '';
    const next = coolDown ? `given up for ${waitMs / 1000} s` : 'started again at the next key';
    log[coolDown ? 'error' : 'warn'](
      { ...words, waitMs },
      `live transcoding failed, ${next}: ${outcome.message}${advice}`,
    );
  }

  #logOf(start: FeedStart): Log {
    return this.#options.log.child({ channel: start.channel, broadcast: start.broadcastId });
  }
}

function withDefaults(options: LiveTranscoderOptions): Required<LiveTranscoderOptions> {
  return {
    ...options,
    encoder: options.encoder ?? 'libx264',
    segmentSec: options.segmentSec ?? 2,
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
