/**
 * What is decided for one live broadcast: its ladder, once, and how each of its runs is made.
 *
 * Lifetime: made at the first feed → `choose` once that feed's source is described → a `plan` for each run, `failed` after
 * each that failed → forgotten after its end. What a failed run taught (that the source cannot be passed through after all)
 * holds to the broadcast's end.
 */
import type { AudioRendition, LadderCodec, Rendition, VideoRendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import { type EncodePath, encodesOnDevice, SOFTWARE } from './encode-path.js';
import type { SourceDescription } from './feed/live-feed.js';
import type { FeedRunEnd } from './feed-run.js';
import { affordableRungs, encodeCost } from './ladder.js';
import { partLength } from './part-length.js';
import { canPassAudio, targetDurationSec, videoVerdict } from './passthrough/pass-verdict.js';
import { presetLadder } from './preset-ladder.js';
import type { Preset } from './presets.js';
import { RestartPolicy } from './restart-policy.js';
import type { RunPlan } from './run-plan.js';

/** What the box has left for this broadcast. */
export interface BoxCapacity {
  /** Luma pixels per second that its CPU encodes, and what of it other broadcasts take. */
  readonly pixelsPerSecond: number;
  readonly committed: number;
  /** A GPU would take the whole ladder now. */
  readonly hasEncoder: boolean;
  /** Besides H.264. */
  readonly codecs: ReadonlySet<LadderCodec>;
}

interface ChosenLadder {
  readonly video: readonly VideoRendition[];
  readonly audio: AudioRendition | null;
  /** Of every run. */
  readonly segmentSec: number;
}

export interface LiveBroadcastOptions {
  readonly channel: string;
  readonly preset: Preset;
  readonly segmentSec: number;
  /** About how long parts are to be. */
  readonly partMs: number;
  readonly log: Log;
}

/** Where these rungs can be encoded now. */
export type PathChoice = (rungs: readonly VideoRendition[]) => EncodePath;

/** A broadcast that failed on GPUs so often stays on the CPU. */
const GPU_FAILURES_MAX = 6;

export class LiveBroadcast {
  readonly channel: string;
  readonly policy = new RestartPolicy();
  failures = 0;
  /** What its encodes take of the CPU now, in the budget's unit. */
  cost = 0;
  readonly #options: LiveBroadcastOptions;
  #ladder: ChosenLadder | null = null;
  #keyIntervalMs: number | null = null;
  #mayPass = true;
  #gpuFailures = 0;

  constructor(options: LiveBroadcastOptions) {
    this.channel = options.channel;
    this.#options = options;
  }

  get renditions(): readonly Rendition[] {
    const ladder = this.#ladder;
    return ladder === null ? [] : [...ladder.video, ...(ladder.audio === null ? [] : [ladder.audio])];
  }

  get isChosen(): boolean {
    return this.#ladder !== null;
  }

  /** What must be known of a feed before its run can be planned. */
  needed(facts: SourceFacts): 'no' | 'tracks' | 'keys' {
    if (!this.#wantsPass) return 'no';
    return this.#keyIntervalMs === null && facts.video?.keyIntervalMs == null ? 'keys' : 'tracks';
  }

  get #wantsPass(): boolean {
    const { video, audio } = this.#options.preset;
    const wantsVideo = video !== 'auto' && video[0]?.passthrough === true;
    return this.#mayPass && (wantsVideo || (audio !== false && audio.passthrough === true));
  }

  /** Fixes the ladder, at the first feed. */
  choose(facts: SourceFacts, source: SourceDescription, capacity: BoxCapacity): void {
    if (this.#ladder !== null) return;
    const { preset, segmentSec, log } = this.#options;
    const keyIntervalMs = this.#learnInterval(facts, source);
    const canPass = this.#canPassVideo(facts, source, keyIntervalMs);
    const budget = capacity.hasEncoder ? { pixelsPerSecond: Number.POSITIVE_INFINITY } : capacity;
    const { video, audio, passesTop, leftOut } = presetLadder(facts, preset, {
      budget,
      canPass,
      codecs: capacity.codecs,
    });
    const target = passesTop && keyIntervalMs !== null ? targetDurationSec(keyIntervalMs, segmentSec) : segmentSec;
    this.#ladder = { video, audio, segmentSec: target };
    if (leftOut.length > 0)
      log.info({ codecs: leftOut }, 'rungs are left out: no hardware here makes these codecs well');
    const renditions = this.renditions.map((rendition) => rendition.id);
    log.info({ renditions, passesTop, segmentSec: target, facts }, 'live ladder chosen');
  }

  /** The next run of this source; an empty one where the ladder has nothing for it. */
  plan(facts: SourceFacts, source: SourceDescription, capacity: BoxCapacity, pathFor: PathChoice): RunPlan {
    const ladder = this.#ladder;
    if (ladder === null) throw new Error('a run is planned before its ladder is chosen');
    const interval = this.#learnInterval(facts, source);
    const video = facts.video === null ? [] : ladder.video;
    const fits = interval !== null && targetDurationSec(interval, 1) <= ladder.segmentSec;
    const passesVideo = video.length > 0 && fits && this.#passesTop(facts, source, interval);
    const sound = facts.audio === null || ladder.audio === null ? [] : [ladder.audio];
    const passes = { video: passesVideo, audio: sound.length > 0 && this.#passesAudio(source) };
    const below = video.slice(passesVideo ? 1 : 0);
    const path = below.length === 0 || this.#gpuFailures >= GPU_FAILURES_MAX ? SOFTWARE : pathFor(below);
    const encoded = this.#affordable(facts, below, path, { ...capacity, mayBeNone: passesVideo });
    const keys = { cut: 'keys', keyIntervalSec: (interval ?? 0) / 1000 } as const;
    const frameRate = passesVideo ? (facts.video?.frameRate ?? null) : (encoded[0]?.frameRate ?? null);
    return {
      renditions: [...(passesVideo ? video.slice(0, 1) : []), ...encoded, ...sound],
      ...{ passes, path, segmentSec: ladder.segmentSec },
      part: partLength({ partMs: this.#options.partMs, frameRate, steady: !passesVideo }),
      ...(passesVideo ? keys : ({ cut: 'grid', keyIntervalSec: 0 } as const)),
    };
  }

  /** @returns how long the next run is held back, and whether this is the cool-down after too many failures. */
  failed(end: FeedRunEnd, plan: RunPlan, now: number): { readonly waitMs: number; readonly coolDown: boolean } {
    this.failures += 1;
    if (!plan.passes.video || end.sinkTrouble === '') return this.policy.failed(now, end.livedMs);
    this.#mayPass = false;
    this.#options.log.warn(
      { reason: end.sinkTrouble, hint: "Set the publisher's key interval to 2 s, without scene-cut surprises." },
      'the source cannot be passed through any longer; it is encoded from here on',
    );
    return { waitMs: 0, coolDown: false };
  }

  /** After a failure that is the GPU's: another place takes it at once. */
  failedOnGpu(): { readonly waitMs: number; readonly coolDown: boolean } {
    this.failures += 1;
    this.#gpuFailures += 1;
    return { waitMs: 0, coolDown: false };
  }

  /** All of it on a GPU; on the CPU what it can carry, from the bottom up. */
  #affordable(
    facts: SourceFacts,
    rungs: readonly VideoRendition[],
    path: EncodePath,
    capacity: BoxCapacity & { readonly mayBeNone: boolean },
  ): readonly VideoRendition[] {
    this.cost = 0;
    if (encodesOnDevice(path)) return rungs;
    const onCpu = rungs.filter(({ codec = 'h264' }) => codec === 'h264');
    const kept = affordableRungs(facts, onCpu, capacity, capacity);
    this.cost = encodeCost(facts, kept);
    return kept;
  }

  /** This feed's own, else what others of the broadcast had. */
  #learnInterval(facts: SourceFacts, source: SourceDescription): number | null {
    const own = facts.video?.keyIntervalMs ?? source.keyIntervalMs;
    if (own !== null) this.#keyIntervalMs = Math.max(own, this.#keyIntervalMs ?? 0);
    return own ?? this.#keyIntervalMs;
  }

  #passesTop(facts: SourceFacts, source: SourceDescription, keyIntervalMs: number | null): boolean {
    const { video } = this.#options.preset;
    return video !== 'auto' && video[0]?.passthrough === true && this.#canPassVideo(facts, source, keyIntervalMs);
  }

  #canPassVideo({ video }: SourceFacts, source: SourceDescription, keyIntervalMs: number | null): boolean {
    if (video === null || !this.#wantsPass) return false;
    const track = source.tracks.find(({ kind }) => kind === 'video');
    const verdict = videoVerdict(video, track, keyIntervalMs);
    if (!verdict.ok) this.#options.log.info({ why: verdict.why }, 'the source is not passed through');
    return verdict.ok;
  }

  #passesAudio(source: SourceDescription): boolean {
    const { audio } = this.#options.preset;
    if (audio === false || audio.passthrough !== true || !this.#mayPass) return false;
    return canPassAudio(source.tracks.find(({ kind }) => kind === 'audio'));
  }
}
