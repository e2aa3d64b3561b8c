import type { PackagedRendition } from '../media/packaged-rendition.js';
import type { Catalog } from '../metadata/catalog.js';
import type { EntryType } from '../metadata/entries.js';
import { newEntry } from '../metadata/new-entry.js';
import type { ClaimedJob, JobBoard, UnplannedVideo, VideoPlan } from '../transcode/job-board.js';

/** The catalog as the VOD workers' job board. Progress is this box's own memory: it is worth no log entry. */
const wakers: ReadonlySet<EntryType> = new Set(['video.uploaded', 'video.planned', 'job.expired', 'job.failed']);

export class CatalogJobBoard implements JobBoard {
  readonly #catalog: Catalog;
  /** By job; only of jobs that run here, so no more than the worker's concurrency. */
  readonly #progress = new Map<string, number>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** 0 to 1, or null when the job does not run here. */
  progressOf(jobId: string): number | null {
    return this.#progress.get(jobId) ?? null;
  }

  async nextUnplanned(): Promise<UnplannedVideo | null> {
    return this.#catalog.nextUnplannedVideo();
  }

  async planned({ videoId, durationSec, jobs, source }: VideoPlan): Promise<void> {
    await this.#catalog.append(newEntry('video.planned', { videoId, durationSec, source, jobs: [...jobs] }));
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
    const data = { jobId, token, output: { ...output, segments: [...output.segments] } };
    return (await this.#catalog.append(newEntry('job.completed', data))).applied;
  }

  async fail(jobId: string, token: number, reason: string, retry: boolean): Promise<void> {
    this.#progress.delete(jobId);
    await this.#catalog.append(newEntry('job.failed', { jobId, token, reason: reason.slice(0, 4000), retry }));
  }

  waitForWork(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        stopFollowing();
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const stopFollowing = this.#catalog.follow(({ entry }) => {
        if (wakers.has(entry.type)) done();
      });
      const timer = setTimeout(done, timeoutMs);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
