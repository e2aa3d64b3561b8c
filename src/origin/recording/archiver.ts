import type { Log } from '../../telemetry/log.js';
import type { EventsOf } from '../told-spans.js';
import { archiveKey, archivePrefix, writeArchive } from './archive-file.js';
import type { BroadcastIndex } from './broadcast-index.js';
import type { Persistence } from './persistence.js';
import { playingSec } from './recorded-dash.js';
import { spansFrom } from './recorded-span.js';
import type { Recording } from './recording.js';
import type { FinishedRecording, RecordingCatalog, RecordingStore } from './recording-store.js';
import type { StoreFollower } from './store-follower.js';
import { verifyRecording } from './verification.js';

/** A broadcast that became a video. */
export interface ArchivedBroadcast extends FinishedRecording {
  readonly videoId: string;
  /** What there is of it, for whoever wants pictures from it. Not to be kept. */
  readonly index: BroadcastIndex;
}

export interface ArchiverOptions {
  readonly store: RecordingStore;
  readonly spool: { markRecorded(broadcastId: string): Promise<void> };
  readonly catalog: RecordingCatalog;
  /** What the source of a broadcast told beside its media. */
  readonly eventsOf: EventsOf;
  readonly follower: StoreFollower;
  readonly persistence: Persistence;
  readonly onArchived: (archive: ArchivedBroadcast) => void;
  readonly log: Log;
}

/** Makes videos of broadcasts that are over: everything stored → looked at → written down → in the catalog → marked in the spool. */
export class Archiver {
  readonly #options: ArchiverOptions;
  readonly #finishing = new Set<Promise<void>>();
  #looking: Promise<unknown> = Promise.resolve();

  constructor(options: ArchiverOptions) {
    this.#options = options;
  }

  /** Nothing more will be announced of it. */
  finish(recording: Recording): void {
    if (recording.finished || recording.endedAt === null) return;
    const work = this.#options.persistence.untilDone(recording, 'a broadcast could not be archived yet', () =>
      this.#finishOnce(recording),
    );
    this.#finishing.add(work);
    void work.finally(() => this.#finishing.delete(work));
  }

  /** Nothing more is to be done for it. */
  async settle(recording: Recording): Promise<void> {
    await this.#options.spool.markRecorded(recording.broadcastId);
    recording.finished = true;
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#finishing);
  }

  async #finishOnce(recording: Recording): Promise<void> {
    const { store, catalog, follower, persistence } = this.#options;
    const { policy, broadcastId } = recording;
    if (policy === null) throw new Error("its channel's settings are not known");
    // What only viewers of the DVR window want goes with the last of them.
    if (!policy.archive && policy.dvrSec > 0) return;
    if (!policy.archive) return this.settle(recording);
    await follower.caughtUp(recording);
    if (persistence.closed || recording.finished) return;
    const verified = await this.#inTurn(() => verifyRecording(recording, store, (key) => follower.putAgain(key)));
    const finished = factsOf(recording, verified.bytes);
    if (verified.segments > 0) await this.#writeDown(recording, finished);
    const archived = verified.segments > 0 && !recording.finished ? await catalog.archived(finished) : null;
    await this.settle(recording);
    if (archived === null) return store.deletePrefix(archivePrefix(broadcastId));
    this.#tell(recording, { ...finished, ...archived, index: recording.index }, verified);
  }

  /** One broadcast's objects are looked at at a time: after a long trouble there may be many to finish. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#looking.then(work);
    this.#looking = turn.catch(() => undefined);
    return turn;
  }

  async #writeDown({ index, broadcastId }: Recording, { archiveKey: key, complete }: FinishedRecording): Promise<void> {
    const { store, eventsOf } = this.#options;
    await store.put(key, Buffer.from(writeArchive({ index, told: eventsOf(broadcastId) }, complete)));
  }

  #tell({ index, broadcastId }: Recording, archive: ArchivedBroadcast, verified: object): void {
    const { log, onArchived } = this.#options;
    const { complete, durationSec, videoId } = archive;
    const facts = { channel: index.channel, broadcast: broadcastId, ...verified, complete, durationSec, videoId };
    log.info(facts, 'archived');
    onArchived(archive);
  }
}

function factsOf({ index, lost, startedAt, broadcastId }: Recording, sizeBytes: number): FinishedRecording {
  return {
    ...{ broadcastId, channel: index.channel, startedAt, sizeBytes, archiveKey: archiveKey(broadcastId) },
    durationSec: playingSec({ spans: spansFrom([index], 0), state: 'vod' }),
    complete: lost === 0 && !index.truncated,
  };
}
