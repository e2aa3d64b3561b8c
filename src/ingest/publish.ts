import type { ChannelSettings } from '../media/channel-settings.js';
import type { SourceFacts } from '../media/source-facts.js';
import { Failure, messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Broadcast, type PublisherSession } from './broadcast.js';
import { newBroadcastId } from './broadcast-id.js';
import type { FeedLimits } from './feed.js';
import type { FeedSink } from './feed-sink.js';
import type { IngestFailureCode } from './ingest-failure.js';
import { IngestMetrics } from './ingest-metrics.js';
import type { LiveEvents } from './live-events.js';
import type { SlateMaker } from './slate.js';
import { SlateShelf } from './slate-shelf.js';
import type { SourceRole } from './source.js';

/** Which channel a stream key may publish, and what its owner has set; null for an unknown key. May be slow, may fail. */
export interface StreamKeys {
  channelForKey(streamKey: string, request: PublishRequest): Promise<KnownChannel | null>;
}

export interface KnownChannel {
  readonly channel: string;
  readonly settings: ChannelSettings;
}

type Protocol = 'rtmp' | 'rtmps' | 'srt' | 'whip';

export interface PublishRequest {
  /** As the publisher gave it, without options such as `?backup=1`. */
  readonly streamKey: string;
  /** The channel that the publisher names besides its key; admitted only where the key is that channel's. Null: none named. */
  readonly channel: string | null;
  /** The second encoder of a channel, which is on air while the first one is not. */
  readonly backup: boolean;
  readonly protocol: Protocol;
  readonly remoteAddress: string;
  /** The session was ended from here (channel deleted, key rotated, box closing): tell the publisher why and let it go. */
  readonly onStop: (reason: string) => void;
  /** What the connection knows of its network; absent where the protocol says nothing. Asked for at any time. */
  readonly linkStats?: () => LinkStats | null;
}

/** A publisher's network, as its protocol measures it. Each is null where it is not measured. */
interface LinkStats {
  readonly rttMs: number | null;
  /** 0 to 1: of the packets sent, those that were missing at first. */
  readonly lossRatio: number | null;
  /** Packets sent again so far. */
  readonly retransmits: number | null;
  /** Bits per second now. */
  readonly bitrate: number | null;
}

export type Admission =
  | { readonly ok: true; readonly session: PublisherSession }
  | {
      readonly ok: false;
      readonly reason: 'bad-key' | 'denied' | 'busy' | 'closing' | 'unavailable';
      readonly message: string;
    };

/** A channel on air, or within the grace time of its last publisher. */
export interface LiveChannel {
  readonly channel: string;
  readonly broadcastId: string;
  /** Of the publisher on air, or of the last one. */
  readonly protocol: string;
  readonly remoteAddress: string;
  /** When the broadcast's first publisher was admitted, epoch ms. */
  readonly startedAt: number;
  readonly facts: SourceFacts;
  readonly bytes: number;
  /** `holding`: viewers get nothing new. */
  readonly state: 'live' | 'slate' | 'holding';
  readonly sources: readonly LiveSource[];
}

interface LiveSource {
  readonly role: SourceRole;
  readonly protocol: Protocol;
  readonly remoteAddress: string;
  readonly onAir: boolean;
  readonly link: LinkStats | null;
}

/** `message`: for the publisher. */
type Approval = { readonly ok: true } | { readonly ok: false; readonly message: string };

export interface PublishingOptions {
  readonly authorize: StreamKeys;
  /** Asked once the key has been found good, within the same time. Default: whoever has the key may publish. */
  readonly approve?: ((request: PublishRequest, channel: string) => Promise<Approval>) | undefined;
  readonly events: LiveEvents;
  readonly sink: FeedSink;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Null: there are no slates. */
  readonly slates?: SlateMaker | null;
  /** For channels that leave it open. Default: no grace, and nothing new on loss. */
  readonly defaults?: { readonly graceSec: number; readonly onLoss: 'slate' | 'hold' };
  /** Whether channels with this preset may pass pictures on as they are. Default: none may. */
  readonly wantsKeyInterval?: (preset: string | null) => boolean;
  readonly limits?: Partial<FeedLimits & { readonly authorizationMs: number }>;
  /** Epoch ms; the system's clock by default. */
  readonly clock?: () => number;
  /** Ms that never jump, from any zero; the process's own by default. */
  readonly steadyClock?: () => number;
}

type Authorization = { readonly ok: true; readonly known: KnownChannel } | Extract<Admission, { readonly ok: false }>;

const DEFAULT_LIMITS = { stallMs: 10_000, bufferBytesMax: 16 * 1024 * 1024, authorizationMs: 10_000 };
/** A publisher who has sent nothing for this long gives its slot to one that comes with the same key, ms. */
const ABANDONED_MS = 3000;

interface OnAirChannel {
  readonly broadcast: Broadcast;
  /** By role, the publishers connected now. */
  readonly requests: Map<SourceRole, PublishRequest>;
  last: PublishRequest;
}

/**
 * Who may publish and who does: a primary and a backup a channel, whatever protocol brought them.
 *
 * Lifetime: as long as the box ingests. A slot is taken after the key has been checked and in the same turn of the event
 * loop as the check that it is free; it is given back when the session ends, from either side. The channel's broadcast goes
 * on without a publisher for its grace time.
 */
export class Publishing {
  readonly #options: PublishingOptions;
  readonly #limits: typeof DEFAULT_LIMITS;
  readonly #clock: () => number;
  readonly #steadyClock: () => number;
  readonly #metrics: IngestMetrics;
  readonly #slates: SlateShelf | null;
  readonly #live = new Map<string, OnAirChannel>();
  #closing = false;

  constructor(options: PublishingOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#clock = options.clock ?? Date.now;
    this.#steadyClock = options.steadyClock ?? (() => performance.now());
    this.#metrics = new IngestMetrics(options.metrics);
    const { slates = null, log } = options;
    this.#slates = slates === null ? null : new SlateShelf(slates, log, this.#steadyClock);
  }

  async admit(request: PublishRequest): Promise<Admission> {
    const admission = await this.#decide(request);
    if (!admission.ok) this.#metrics.refused.inc({ reason: admission.reason });
    return admission;
  }

  /** The channels whose broadcasts go on now, with or without a publisher. */
  live(): LiveChannel[] {
    return Array.from(this.#live.values(), describe);
  }

  /** Ends the channel's broadcast and lets its publishers go; false where there is none. */
  stopChannel(channel: string, reason: string): boolean {
    const live = this.#live.get(channel);
    if (live === undefined) return false;
    const requests = [...live.requests.values()];
    live.broadcast.finish();
    for (const request of requests) request.onStop(reason);
    return true;
  }

  /** Admits nobody from now on and ends all broadcasts. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const channel of [...this.#live.keys()]) this.stopChannel(channel, 'the server is closing');
  }

  async #decide(request: PublishRequest): Promise<Admission> {
    const allowed = await this.#authorize(request);
    if (!allowed.ok) return allowed;
    if (this.#closing) return { ok: false, reason: 'closing', message: 'the server is closing' };
    const { known } = allowed;
    const role = request.backup ? 'backup' : 'primary';
    if (!this.#isFree(known.channel, role)) return busy(known.channel, role);
    return { ok: true, session: this.#take(known, role, request) };
  }

  async #authorize(request: PublishRequest): Promise<Authorization> {
    try {
      return await withDeadline(this.#ask(request), this.#limits.authorizationMs);
    } catch (error) {
      const { remoteAddress } = request;
      this.#options.log.error({ remoteAddress, reason: messageOf(error) }, 'a stream key could not be checked');
      return { ok: false, reason: 'unavailable', message: 'the stream key cannot be checked now, try again' };
    }
  }

  async #ask(request: PublishRequest): Promise<Authorization> {
    const { approve } = this.#options;
    const answer = await this.#checkKey(request);
    if (!answer.ok || approve === undefined) return answer;
    const approval = await approve(request, answer.known.channel);
    if (!approval.ok) return { ok: false, reason: 'denied', message: approval.message };
    // That took its time: the key may have been changed meanwhile.
    return this.#checkKey(request);
  }

  async #checkKey(request: PublishRequest): Promise<Authorization> {
    const known = await this.#options.authorize.channelForKey(request.streamKey, request);
    if (known !== null && (request.channel ?? known.channel) === known.channel) return { ok: true, known };
    return { ok: false, reason: 'bad-key', message: 'the stream key is not valid' };
  }

  /** A connection that died without a word must not keep its publisher out: it makes room for the same key's next one. */
  #isFree(channel: string, role: SourceRole): boolean {
    const live = this.#live.get(channel);
    const source = live?.broadcast.source(role) ?? null;
    if (live === undefined || source === null) return true;
    if (!live.broadcast.isAbandoned(role, ABANDONED_MS)) return false;
    const request = live.requests.get(role);
    source.end();
    request?.onStop('another publisher came with the same key');
    return true;
  }

  #take({ channel, settings }: KnownChannel, role: SourceRole, request: PublishRequest): PublisherSession {
    const live = this.#live.get(channel) ?? this.#start(channel, settings, request);
    this.#live.set(channel, live);
    live.requests.set(role, request);
    live.last = request;
    const { protocol, remoteAddress } = request;
    const { broadcastId: broadcast } = live.broadcast;
    this.#options.log.info({ channel, broadcast, role, protocol, remoteAddress }, 'publisher admitted');
    return live.broadcast.attach(role, () => live.requests.delete(role));
  }

  #start(channel: string, settings: ChannelSettings, request: PublishRequest): OnAirChannel {
    const { sink, events, defaults = { graceSec: 0, onLoss: 'hold' }, wantsKeyInterval = () => false } = this.#options;
    const broadcastId = newBroadcastId(this.#clock());
    const { preset } = settings;
    const broadcast = new Broadcast({
      ...{ channel, broadcastId, preset, sink, events },
      graceMs: (settings.graceSec ?? defaults.graceSec) * 1000,
      slates: (settings.onLoss ?? defaults.onLoss) === 'slate' ? this.#slates : null,
      mayPassThrough: wantsKeyInterval(preset),
      limits: this.#limits,
      metrics: this.#metrics,
      clock: this.#clock,
      steadyClock: this.#steadyClock,
      log: this.#options.log.child({ channel, broadcast: broadcastId }),
      onEnded: () => this.#live.delete(channel),
    });
    return { broadcast, requests: new Map(), last: request };
  }
}

function busy(channel: string, role: SourceRole): Admission {
  const advice = role === 'primary' ? '; a second encoder publishes as its backup, with ?backup=1' : '';
  const what = role === 'primary' ? 'is already publishing' : 'already has a backup';
  return { ok: false, reason: 'busy', message: `channel ${channel} ${what}${advice}` };
}

function describe({ broadcast, requests, last }: OnAirChannel): LiveChannel {
  const { channel, broadcastId, onAir, facts, bytes, admittedAt } = broadcast;
  const shown = (onAir === 'primary' || onAir === 'backup' ? requests.get(onAir) : undefined) ?? last;
  const sources = Array.from(requests, ([role, { protocol, remoteAddress, linkStats }]) => {
    return { role, protocol, remoteAddress, onAir: onAir === role, link: linkStats?.() ?? null };
  });
  return {
    ...{ channel, broadcastId, facts, bytes, sources },
    protocol: shown.protocol,
    remoteAddress: shown.remoteAddress,
    startedAt: admittedAt,
    state: onAir === 'slate' ? 'slate' : onAir === 'nothing' ? 'holding' : 'live',
  };
}

function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const failure = new Failure<IngestFailureCode>('ingest.authorization-slow', 'no answer about the stream key', {
        hint: 'The catalog does not answer: look at its disk and at the load of the box.',
      });
      reject(failure);
    }, ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
