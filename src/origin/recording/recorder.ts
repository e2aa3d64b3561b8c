import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { LiveSegment } from '../live-segment.js';
import type { SpoolFollower } from '../spool-retention.js';
import type { SpoolShelf } from '../spool-shelf.js';
import { archiveKey, archivePrefix, writeArchive } from './archive-file.js';
import { BroadcastIndex } from './broadcast-index.js';
import { indexJournal } from './journal-index.js';
import { pruneRecording } from './pruning.js';
import { playingSec } from './recorded-dash.js';
import { spansFrom } from './recorded-span.js';
import { Recording } from './recording.js';
import type { FinishedRecording, RecordingCatalog, RecordingStore } from './recording-store.js';
import { type SpooledObjects, StoreFollower } from './store-follower.js';
import { verifyRecording } from './verification.js';

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

/** A broadcast that became a video. */
export interface ArchivedBroadcast extends FinishedRecording {
  readonly videoId: string;
  /** What there is of it, for whoever wants pictures from it. Not to be kept. */
  readonly index: BroadcastIndex;
}

export interface RecorderOptions {
  readonly store: RecordingStore;
  readonly spool: RecordedSpool;
  readonly catalog: RecordingCatalog;
  /** What memory has under a key of the spool. */
  readonly held: (key: string) => Buffer | null;
  /** How long an ended broadcast's playlists are served. */
  readonly endedRetentionMs: number;
  readonly onArchived: (archive: ArchivedBroadcast) => void;
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The first pause after a failure. Default 1 s. */
  readonly pauseMs?: number;
}

/** What a channel shows of its past: the broadcasts that its live playlist ran through without an end between them. */
export interface Tape {
  /** Wall clock of the DASH presentation's zero, epoch ms. */
  readonly zeroOfTime: number;
  /** Oldest first; the last one is the newest. */
  readonly recordings: readonly Recording[];
}

const LOOK_MS = 1000;
const SWEEP_LOOKS = 30;
const PAUSES_MAX = 30;

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
  readonly #tapes = new Map<string, Tape>();
  readonly #follower: StoreFollower;
  readonly #backlog;
  readonly #backlogSec;
  readonly #timer: NodeJS.Timeout;
  readonly #finishing = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #looks = 0;
  #sweeping: Promise<void> | null = null;

  constructor(options: RecorderOptions) {
    this.#options = options;
    const { store, spool, held, log, metrics, pauseMs } = options;
    const recordings = () => [...this.#recordings.values()].filter(({ finished }) => !finished);
    const pause = pauseMs === undefined ? {} : { pauseMs };
    this.#follower = new StoreFollower({ store, spool, held, log, metrics, recordings, ...pause });
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
      this.#tapes.set(channel, { zeroOfTime: first.startedAt, recordings: [recording] });
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
    this.#show(recording, window.channel, window.zeroOfTime);
    this.#follower.look();
  }

  /** All that will be announced of it has been. */
  ended(broadcastId: string): void {
    const recording = this.#recordings.get(broadcastId);
    if (recording === undefined || recording.endedAt !== null) return;
    recording.endedAt = this.#options.now();
    this.#finish(recording);
  }

  /** Null where nothing is shown of a channel's past. */
  tape(channel: string): Tape | null {
    return this.#tapes.get(channel) ?? null;
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
    this.#tapes.delete(channel);
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
    this.#closing.abort(new Error('the box stops'));
    await this.#follower.close();
    await this.#sweeping;
    await Promise.all(this.#finishing);
  }

  #show(recording: Recording, channel: string, zeroOfTime: number): void {
    const tape = this.#tapes.get(channel);
    const newest = tape?.recordings.at(-1);
    if (newest === recording) return;
    const goesOn = newest?.index.nextNumber === recording.index.runs[0]?.place.firstNumber;
    const before = tape !== undefined && tape.zeroOfTime === zeroOfTime && goesOn ? tape.recordings : [];
    this.#tapes.set(channel, { zeroOfTime, recordings: [...before, recording] });
  }

  /** Learns what is to become of it, then begins. */
  #follow(recording: Recording): void {
    const { channel } = recording.index;
    void this.#untilDone(recording, "a channel's settings could not be read", async () => {
      recording.policy = await this.#options.catalog.policyOf(channel);
      this.#follower.look();
    }).then(() => (recording.recovered ? this.#finish(recording) : undefined));
  }

  #finish(recording: Recording): void {
    if (recording.finished || recording.endedAt === null) return;
    const work = this.#untilDone(recording, 'a broadcast could not be archived yet', () => this.#finishOnce(recording));
    this.#finishing.add(work);
    void work.finally(() => this.#finishing.delete(work));
  }

  async #finishOnce(recording: Recording): Promise<void> {
    const { store, spool, catalog, log, onArchived } = this.#options;
    const { policy, broadcastId, index } = recording;
    if (policy === null) throw new Error("its channel's settings are not known");
    // What only viewers of the DVR window want goes with the last of them (`sweep`).
    if (!policy.archive && policy.dvrSec > 0) return;
    if (!policy.archive) return this.#finished(recording);
    await this.#follower.caughtUp(recording);
    if (this.#closing.signal.aborted || recording.finished) return;
    const verified = await verifyRecording(recording, store, (key) => this.#follower.putAgain(key));
    const finished = this.#facts(recording, verified.bytes);
    if (verified.segments > 0)
      await store.put(finished.archiveKey, Buffer.from(writeArchive(index, finished.complete)));
    const archived = verified.segments > 0 && !recording.finished ? await catalog.archived(finished) : null;
    await spool.markRecorded(broadcastId);
    recording.finished = true;
    if (archived === null) return store.deletePrefix(archivePrefix(broadcastId));
    const { complete, durationSec } = finished;
    log.info(
      { channel: index.channel, broadcast: broadcastId, ...verified, complete, durationSec, ...archived },
      'archived',
    );
    onArchived({ ...finished, ...archived, index });
  }

  #facts({ index, lost, startedAt, broadcastId }: Recording, sizeBytes: number): FinishedRecording {
    return {
      ...{ broadcastId, channel: index.channel, startedAt, sizeBytes, archiveKey: archiveKey(broadcastId) },
      durationSec: playingSec({ spans: spansFrom([index], 0), whole: true, state: 'vod' }),
      complete: lost === 0 && !index.truncated,
    };
  }

  async #finished(recording: Recording): Promise<void> {
    await this.#options.spool.markRecorded(recording.broadcastId);
    recording.finished = true;
  }

  /** Tries until it is done, with longer and longer pauses, or until this is closed or the recording has no more use. */
  async #untilDone(recording: Recording, trouble: string, work: () => Promise<void>): Promise<void> {
    const { log, pauseMs = 1000 } = this.#options;
    for (let pauses = 0; !this.#closing.signal.aborted; pauses += 1) {
      try {
        return await work();
      } catch (error) {
        if (this.#closing.signal.aborted || recording.finished) return;
        const { broadcastId, index } = recording;
        const facts = { channel: index.channel, broadcast: broadcastId, error: messageOf(error) };
        log.warn({ ...facts, hint: 'It is tried again, also after a restart.' }, trouble);
        await this.#pause(pauseMs * Math.min(PAUSES_MAX, 2 ** pauses));
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const { signal } = this.#closing;
      function done() {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
    });
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
    for (const [channel, { recordings }] of this.#tapes) {
      if (recordings.every(isPast)) this.#tapes.delete(channel);
    }
    const shown = new Set([...this.#tapes.values()].flatMap(({ recordings }) => recordings));
    for (const recording of this.#recordings.values()) {
      const { policy, finished, endedAt } = recording;
      if (policy === null) continue;
      if (endedAt === null) await pruneRecording(recording, policy, store);
      else if (!policy.archive && !finished && isPast(recording)) {
        await store.deletePrefix(archivePrefix(recording.broadcastId));
        await this.#finished(recording);
      }
      if (recording.finished && !shown.has(recording)) this.#recordings.delete(recording.broadcastId);
    }
  }

  #drop(recording: Recording): void {
    recording.finished = true;
    this.#recordings.delete(recording.broadcastId);
    for (const [channel, { zeroOfTime, recordings }] of this.#tapes) {
      const left = recordings.filter((each) => each !== recording);
      if (left.length === 0) this.#tapes.delete(channel);
      else if (left.length < recordings.length) this.#tapes.set(channel, { zeroOfTime, recordings: left });
    }
  }
}
