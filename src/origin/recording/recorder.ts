import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { LiveSegment } from '../live-segment.js';
import type { SpoolFollower } from '../spool-retention.js';
import type { SpoolShelf } from '../spool-shelf.js';
import type { EventsOf } from '../told-spans.js';
import { archivePrefix } from './archive-file.js';
import { type ArchivedBroadcast, Archiver } from './archiver.js';
import { BroadcastIndex } from './broadcast-index.js';
import { indexJournal } from './journal-index.js';
import { Persistence } from './persistence.js';
import { pruneRecording } from './pruning.js';
import { Recording } from './recording.js';
import type { RecordingCatalog, RecordingStore } from './recording-store.js';
import { type SpooledObjects, StoreFollower } from './store-follower.js';
import { type Tape, Tapes } from './tapes.js';

/** The spool, as the recorder needs it. */
interface RecordedSpool extends SpooledObjects {
  readonly shelves: readonly Pick<
    SpoolShelf,
    'broadcastId' | 'channel' | 'startedAt' | 'endedAt' | 'lastAt' | 'recorded'
  >[];
  follower: SpoolFollower | null;
  journal(broadcastId: string): AsyncIterable<string>;
  markRecorded(broadcastId: string): Promise<void>;
  deleteBroadcast(broadcastId: string): Promise<void>;
}

export interface RecorderOptions {
  readonly store: RecordingStore;
  readonly spool: RecordedSpool;
  readonly catalog: RecordingCatalog;
  /** What memory has under a key of the spool. */
  readonly held: (key: string) => Buffer | null;
  /** What the source of a broadcast told beside its media. */
  readonly eventsOf: EventsOf;
  /** How long an ended broadcast's playlists are served. */
  readonly endedRetentionMs: number;
  readonly onArchived: (archive: ArchivedBroadcast) => void;
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The first pause after a failure. Default 1 s. */
  readonly pauseMs?: number;
}

const LOOK_MS = 1000;
const SWEEP_LOOKS = 30;

/**
 * Keeps what is announced: follows it into the store, knows all of it for DVR and start-over, and makes a video of it when the
 * broadcast is over.
 *
 * Life: `recover` once, before anything is announced → `announced` and `ended` as channels go on → `close`. Whatever was not
 * finished by then is found again in the spool at the next start.
 */
export class Recorder implements SpoolFollower {
  readonly #options: RecorderOptions;
  readonly #recordings = new Map<string, Recording>();
  readonly #tapes = new Tapes();
  readonly #follower: StoreFollower;
  readonly #persistence: Persistence;
  readonly #archiver: Archiver;
  readonly #backlog;
  readonly #backlogSec;
  readonly #timer: NodeJS.Timeout;
  #looks = 0;
  #sweeping: Promise<void> | null = null;

  constructor(options: RecorderOptions) {
    this.#options = options;
    const { store, spool, held, log, metrics, pauseMs } = options;
    const recordings = () => [...this.#recordings.values()].filter(({ finished }) => !finished);
    const pause = pauseMs === undefined ? {} : { pauseMs };
    this.#follower = new StoreFollower({ store, spool, held, log, metrics, recordings, ...pause });
    this.#persistence = new Persistence({ log, pauseMs });
    this.#archiver = new Archiver({ ...options, follower: this.#follower, persistence: this.#persistence });
    this.#backlog = metrics.gauge(
      'origin_recording_backlog_segments',
      'Announced segments that the object store does not have yet. If it grows, the store is slow, full or gone; live goes on, the spool holds them.',
    );
    this.#backlogSec = metrics.gauge(
      'origin_recording_backlog_seconds',
      'How far the object store is behind the channel that it is furthest behind.',
    );
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    spool.follower = this;
  }

  /** Reads the journals of what was not finished, and of what is still shown. */
  async recover(): Promise<void> {
    const { spool, now, endedRetentionMs } = this.#options;
    const shelves = [...spool.shelves].sort((a, b) => a.startedAt - b.startedAt);
    for (const { broadcastId, channel, startedAt, endedAt, lastAt, recorded } of shelves) {
      if (recorded && (endedAt ?? lastAt) < now() - endedRetentionMs) continue;
      const found = await indexJournal({ broadcastId, channel }, spool.journal(broadcastId));
      const [first] = found?.index.runs ?? [];
      if (found === null || first === undefined) continue;
      const lost = found.summary.incomplete ? 1 : 0;
      const recording = new Recording(found.index, { startedAt, recovered: true, lost });
      recording.endedAt = endedAt ?? lastAt;
      recording.finished = recorded;
      this.#recordings.set(broadcastId, recording);
      this.#tapes.show(recording, first.startedAt);
      this.#follow(recording);
    }
  }

  announced(segment: LiveSegment, window: { readonly channel: string; readonly zeroOfTime: number }): void {
    const { broadcastId, startedAt } = segment.run;
    let recording = this.#recordings.get(broadcastId);
    if (recording === undefined) {
      recording = new Recording(new BroadcastIndex(broadcastId, window.channel), { startedAt, recovered: false });
      this.#recordings.set(broadcastId, recording);
      this.#follow(recording);
    }
    recording.index.add(segment);
    this.#tapes.show(recording, window.zeroOfTime);
    this.#follower.look();
  }

  /** All that will be announced of it has been. */
  ended(broadcastId: string): void {
    const recording = this.#recordings.get(broadcastId);
    if (recording === undefined || recording.endedAt !== null) return;
    recording.endedAt = this.#options.now();
    this.#archiver.finish(recording);
  }

  /** Null where nothing is shown of a channel's past. */
  tape(channel: string): Tape | null {
    return this.#tapes.of(channel);
  }

  /** What is known of a broadcast that is shown or not stored yet. */
  indexOf(broadcastId: string): BroadcastIndex | null {
    return this.#recordings.get(broadcastId)?.index ?? null;
  }

  hasStored(broadcastId: string, rendition: string, number: number): boolean {
    return this.#recordings.get(broadcastId)?.hasStored(rendition, number) ?? false;
  }

  isIndexed(broadcastId: string, rendition: string, number: number): boolean {
    const recording = this.#recordings.get(broadcastId);
    return recording?.wanted === true && recording.isIndexed(rendition, number);
  }

  /** Nothing of it is to be shown or kept any more; its objects are the caller's affair. */
  async forgetBroadcast(broadcastId: string): Promise<void> {
    const recording = this.#recordings.get(broadcastId);
    if (recording !== undefined) this.#drop(recording);
    await this.#options.spool.deleteBroadcast(broadcastId);
  }

  /** What is on its way to be a video will not be one; what is one stays. */
  async deleteChannel(channel: string): Promise<void> {
    this.#tapes.dropChannel(channel);
    for (const recording of [...this.#recordings.values()].filter(({ index }) => index.channel === channel)) {
      const { finished } = recording;
      this.#drop(recording);
      if (!finished) await this.#options.store.deletePrefix(archivePrefix(recording.broadcastId));
    }
  }

  /** Takes out of the store, and out of mind, what is out of every window. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepOnce()
      .catch((error: unknown) =>
        this.#options.log.warn({ error: messageOf(error) }, 'old recordings could not be deleted'),
      )
      .finally(() => {
        this.#sweeping = null;
      });
    return this.#sweeping;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#persistence.close();
    await this.#follower.close();
    await this.#sweeping;
    await this.#archiver.idle();
  }

  /** Learns what is to become of it, then begins. */
  #follow(recording: Recording): void {
    const { channel } = recording.index;
    const learn = async () => {
      recording.policy = await this.#options.catalog.policyOf(channel);
      this.#follower.look();
    };
    void this.#persistence
      .untilDone(recording, "a channel's settings could not be read", learn)
      .then(() => (recording.recovered ? this.#archiver.finish(recording) : undefined));
  }

  #look(): void {
    this.#follower.look();
    const backlogs = [...this.#recordings.values()]
      .filter(({ finished, wanted }) => !finished && wanted)
      .map(({ backlog }) => backlog);
    this.#backlog.set(backlogs.reduce((sum, { segments }) => sum + segments, 0));
    this.#backlogSec.set(Math.max(0, ...backlogs.map(({ seconds }) => seconds)));
    this.#looks += 1;
    if (this.#looks % SWEEP_LOOKS === 0) void this.sweep();
  }

  async #sweepOnce(): Promise<void> {
    const { store, now, endedRetentionMs } = this.#options;
    const isPast = ({ endedAt }: Recording) => endedAt !== null && endedAt < now() - endedRetentionMs;
    this.#tapes.dropPast(isPast);
    const shown = this.#tapes.recordings;
    // Another broadcast may have gone on from it: then viewers go back to it for as long as to any other.
    const isOutOfReach = (recording: Recording, endedAt: number, dvrSec: number) =>
      isPast(recording) && (!shown.has(recording) || endedAt < now() - dvrSec * 1000);
    for (const recording of this.#recordings.values()) {
      const { policy, finished, endedAt } = recording;
      if (policy === null) continue;
      if (endedAt === null) await pruneRecording(recording, policy, store);
      else if (!policy.archive && !finished && isOutOfReach(recording, endedAt, policy.dvrSec)) {
        this.#tapes.drop(recording);
        await store.deletePrefix(archivePrefix(recording.broadcastId));
        await this.#archiver.settle(recording);
      }
      if (recording.finished && !shown.has(recording)) this.#recordings.delete(recording.broadcastId);
    }
  }

  #drop(recording: Recording): void {
    recording.finished = true;
    this.#recordings.delete(recording.broadcastId);
    this.#tapes.drop(recording);
  }
}
