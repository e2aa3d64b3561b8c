import type { PackagedRendition } from '../media/packaged-rendition.js';
import type { Catalog } from '../metadata/catalog.js';
import type { EntryType } from '../metadata/entries.js';
import { newEntry } from '../metadata/new-entry.js';
import type { ClaimedJob, JobBoard, UnplannedVideo, VideoPlan } from '../transcode/job-board.js';

/** The catalog as the VOD workers' job board. Progress is this box's own memory: it is worth no log entry. */
const wakers: ReadonlySet<EntryType> = new Set([
  'video.uploaded',
  'video.planned',
  'job.expired',
  'job.failed',
  'job.released',
]);

const justNowMs = 1000;

export class CatalogJobBoard implements JobBoard {
  readonly #catalog: Catalog;
  /** By job; only of jobs that run here, so no more than the worker's concurrency. */
  readonly #progress = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  readonly #stopFollowing: () => void;
  #newsAt = Number.NEGATIVE_INFINITY;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#stopFollowing = catalog.follow(({ entry }) => {
      if (wakers.has(entry.type)) this.#wake();
    });
  }

  /** 0 to 1, or null when the job does not run here. */
  progressOf(jobId: string): number | null {
    return this.#progress.get(jobId) ?? null;
  }

  async nextUnplanned(): Promise<UnplannedVideo | null> {
    return this.#catalog.nextUnplannedVideo();
  }

  async planned({ videoId, durationSec, jobs, source }: VideoPlan): Promise<void> {
    await this.#catalog.append(newEntry('video.planned', { videoId, durationSec, source, jobs }));
  }

  async failVideo(videoId: string, reason: string): Promise<void> {
    await this.#catalog.append(newEntry('video.failed', { videoId, reason: reason.slice(0, 4000) }));
  }

  async poster(videoId: string, key: string): Promise<void> {
    await this.#catalog.append(newEntry('video.poster', { videoId, key }));
  }

  async claim(workerId: string): Promise<ClaimedJob | null> {
    // An empty queue costs no log entry.
    if (!(await this.#catalog.hasQueuedJob())) return null;
    const verdict = await this.#catalog.append(newEntry('job.claimed', { workerId }));
    return verdict.applied ? verdict.result : null;
  }

  async renew(jobId: string, token: number): Promise<boolean> {
    return (await this.#catalog.append(newEntry('job.renewed', { jobId, token }))).applied;
  }

  progress(jobId: string, _token: number, fraction: number): void {
    this.#progress.set(jobId, fraction);
  }

  async complete(jobId: string, token: number, output: PackagedRendition): Promise<boolean> {
    this.#progress.delete(jobId);
    return (await this.#catalog.append(newEntry('job.completed', { jobId, token, output }))).applied;
  }

  async fail(jobId: string, token: number, reason: string, retry: boolean): Promise<void> {
    this.#progress.delete(jobId);
    await this.#catalog.append(newEntry('job.failed', { jobId, token, reason: reason.slice(0, 4000), retry }));
  }

  async release(jobId: string, token: number, reason: string): Promise<void> {
    this.#progress.delete(jobId);
    await this.#catalog.append(newEntry('job.released', { jobId, token, reason }));
  }

  waitForWork(timeoutMs: number, signal: AbortSignal): Promise<void> {
    // News of the last moment may have come after the caller looked and before it waits here: it looks once more, soon.
    const missed = performance.now() - this.#newsAt < justNowMs;
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      const timer = setTimeout(done, missed ? justNowMs / 4 : timeoutMs);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }

  close(): void {
    this.#stopFollowing();
  }

  #wake(): void {
    this.#newsAt = performance.now();
    for (const wake of [...this.#waiting]) wake();
  }
}
