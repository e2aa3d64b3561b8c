import { performance } from 'node:perf_hooks';
import { Failure } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { CatalogMetrics } from './catalog-metrics.js';
import type { Entry, EntryType, ResultOf } from './entries.js';
import type { MetadataFailure } from './failures.js';
import type { LoggedEntry } from './log.js';
import type { CatalogQueries, QueryName } from './queries.js';
import type { NamesPage, VideosPage } from './records.js';
import { ThreadCalls } from './thread-calls.js';
import type { Verdict } from './verdict.js';

export interface CatalogOptions {
  /** The SQLite file; made, with its folder, where there is none. */
  readonly file: string;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Calls that may wait at once; one more fails with `metadata.overloaded`. Default 1024. */
  readonly outstandingMax?: number;
  /** The catalog's thread ended by itself: nothing can be written any more, so the box should end and be started again. */
  readonly onDeath?: (failure: MetadataFailure) => void;
}

/**
 * Opens the catalog: starts its thread, catches up with the log, and proposes the schema on a new file.
 *
 * Fails with `metadata.in-use` when another process holds the file, `metadata.unknown-entry` or `metadata.newer-schema`
 * when a newer build wrote it, `metadata.open-failed` or `metadata.disk-full` as the disk has it.
 */
export async function openCatalog(options: CatalogOptions): Promise<Catalog> {
  const catalog = new Catalog(options);
  await catalog.opened;
  return catalog;
}

type Answered<K extends QueryName> = Promise<ReturnType<CatalogQueries[K]>>;

/**
 * What exists: the asynchronous face of the catalog on its thread. Lives from `openCatalog` to `close`.
 *
 * Every call may fail with `metadata.overloaded` (nothing was done) or `metadata.stopped` (an append may or may not have
 * happened: append the same entry again, its id makes it count once).
 */
export class Catalog {
  readonly opened: Promise<void>;
  readonly #calls: ThreadCalls;
  readonly #metrics: CatalogMetrics;
  readonly #log: Log;
  readonly #followers = new Set<(logged: LoggedEntry) => void>();

  /** Use `openCatalog`, which waits until it is open. */
  constructor({ file, log, metrics, outstandingMax = 1_024, onDeath }: CatalogOptions) {
    this.#log = log;
    this.#calls = new ThreadCalls({
      file,
      outstandingMax,
      onApplied: (logged) => this.#announce(logged),
      onDeath: (failure) => {
        this.#log.fatal({ code: failure.code, hint: failure.hint }, failure.message);
        onDeath?.(failure);
      },
    });
    this.#metrics = new CatalogMetrics(metrics, () => this.#calls.outstanding);
    this.opened = this.#calls.ready;
  }

  /**
   * Appends an entry to the log and answers what became of it, once it is on the disk: what this resolves with survives
   * SIGKILL and power loss. A refused precondition is an answer. Fails with `metadata.bad-entry`, `metadata.disk-full` or
   * `metadata.write-failed`; then nothing happened.
   */
  async append<T extends EntryType>(entry: Entry<T>): Promise<Verdict<ResultOf<T>>> {
    const startedAt = performance.now();
    try {
      const verdict = (await this.#calls.append(entry)) as Verdict<ResultOf<T>>;
      this.#metrics.appended(entry.type, verdict.applied ? 'applied' : verdict.reason, performance.now() - startedAt);
      return verdict;
    } catch (error) {
      this.#metrics.failed(error instanceof Failure ? error.code : 'bug');
      throw error;
    }
  }

  /**
   * Calls the listener with each entry that is accepted from now on, in order, with its position, and before whoever appended
   * it is answered; returns the way to stop.
   */
  follow(listener: (logged: LoggedEntry) => void): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  user(id: string): Answered<'user'> {
    return this.#ask('user', id);
  }

  userByName(name: string): Answered<'userByName'> {
    return this.#ask('userByName', name);
  }

  users(page: NamesPage): Answered<'users'> {
    return this.#ask('users', page);
  }

  channel(name: string): Answered<'channel'> {
    return this.#ask('channel', name);
  }

  channelByKey(streamKey: string): Answered<'channelByKey'> {
    return this.#ask('channelByKey', streamKey);
  }

  channels(page: NamesPage): Answered<'channels'> {
    return this.#ask('channels', page);
  }

  restreams(channel: string): Answered<'restreams'> {
    return this.#ask('restreams', channel);
  }

  liveBroadcasts(limit: number): Answered<'liveBroadcasts'> {
    return this.#ask('liveBroadcasts', limit);
  }

  openBroadcasts(): Answered<'openBroadcasts'> {
    return this.#ask('openBroadcasts');
  }

  video(id: string): Answered<'video'> {
    return this.#ask('video', id);
  }

  videos(page: VideosPage): Answered<'videos'> {
    return this.#ask('videos', page);
  }

  popularVideos(limit: number): Answered<'popularVideos'> {
    return this.#ask('popularVideos', limit);
  }

  nextUnplannedVideo(): Answered<'nextUnplannedVideo'> {
    return this.#ask('nextUnplannedVideo');
  }

  staleUploads(createdBefore: number, limit: number): Answered<'staleUploads'> {
    return this.#ask('staleUploads', createdBefore, limit);
  }

  archivesWithoutPoster(limit: number): Answered<'archivesWithoutPoster'> {
    return this.#ask('archivesWithoutPoster', limit);
  }

  packaged(videoId: string): Answered<'packaged'> {
    return this.#ask('packaged', videoId);
  }

  jobsOutstanding(videoId: string): Answered<'jobsOutstanding'> {
    return this.#ask('jobsOutstanding', videoId);
  }

  jobCounts(videoId: string): Answered<'jobCounts'> {
    return this.#ask('jobCounts', videoId);
  }

  hasQueuedJob(): Answered<'hasQueuedJob'> {
    return this.#ask('hasQueuedJob');
  }

  processingJobs(): Answered<'processingJobs'> {
    return this.#ask('processingJobs');
  }

  watchHistory(userId: string, limit: number): Answered<'watchHistory'> {
    return this.#ask('watchHistory', userId, limit);
  }

  stats(): Answered<'stats'> {
    return this.#ask('stats');
  }

  /** Entries after a position, refused ones included, at most `limit` (1 to 1000). */
  readLog(after: number, limit: number): Answered<'readLog'> {
    return this.#ask('readLog', after, limit);
  }

  /** A hash of every table but the log; equal on replicas that have applied the same entries. */
  tablesHash(): Answered<'tablesHash'> {
    return this.#ask('tablesHash');
  }

  /** Answers what was asked before, closes the file, and ends the thread. Later calls fail with `metadata.stopped`. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  async #ask<K extends QueryName>(name: K, ...args: Parameters<CatalogQueries[K]>): Answered<K> {
    return (await this.#calls.ask(name, args)) as ReturnType<CatalogQueries[K]>;
  }

  #announce(logged: LoggedEntry): void {
    for (const listener of this.#followers) listener(logged);
  }
}
