/** A job board and an object store in memory and in a folder, as the VOD tests need them. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PackagedRendition } from '../media/packaged-rendition.js';
import type { ClaimedJob, JobBoard, PlannedJob, UnplannedVideo, VideoPlan, VodObjects } from './job-board.js';

interface BoardJob extends PlannedJob {
  readonly videoId: string;
  status: 'queued' | 'processing' | 'done' | 'failed';
  attempt: number;
  token: number;
  reason: string | null;
  output: PackagedRendition | null;
}

export class FakeBoard implements JobBoard {
  readonly jobs: BoardJob[] = [];
  readonly plans = new Map<string, VideoPlan>();
  readonly failedVideos = new Map<string, string>();
  readonly posters = new Map<string, string>();
  readonly fractions: number[] = [];
  /** Every failure that was reported, in order. */
  readonly failures: { reason: string; retry: boolean }[] = [];
  readonly released: string[] = [];
  /** What `renew` answers. */
  leaseHeld = true;
  #unplanned: UnplannedVideo[] = [];
  #tokens = 0;
  #wake: (() => void)[] = [];

  upload(videoId: string): void {
    this.#unplanned.push({ videoId, rawKey: `raw/${videoId}` });
    this.#notify();
  }

  nextUnplanned(): Promise<UnplannedVideo | null> {
    return Promise.resolve(this.#unplanned[0] ?? null);
  }

  async planned(plan: VideoPlan): Promise<void> {
    this.#decided(plan.videoId);
    this.plans.set(plan.videoId, plan);
    for (const job of plan.jobs) {
      this.jobs.push({
        ...job,
        videoId: plan.videoId,
        status: 'queued',
        attempt: 0,
        token: 0,
        reason: null,
        output: null,
      });
    }
    this.#notify();
  }

  async failVideo(videoId: string, reason: string): Promise<void> {
    this.#decided(videoId);
    this.failedVideos.set(videoId, reason);
    this.#notify();
  }

  async poster(videoId: string, key: string): Promise<void> {
    this.posters.set(videoId, key);
  }

  async claim(): Promise<ClaimedJob | null> {
    const job = this.jobs.find(({ status }) => status === 'queued');
    const plan = job && this.plans.get(job.videoId);
    if (job === undefined || plan === undefined) return null;
    job.status = 'processing';
    job.attempt += 1;
    this.#tokens += 1;
    job.token = this.#tokens;
    const { jobId, videoId, token, rendition, attempt } = job;
    const { durationSec, source } = plan;
    return { jobId, videoId, token, rawKey: `raw/${videoId}`, rendition, durationSec, source, attempt };
  }

  async renew(): Promise<boolean> {
    return this.leaseHeld;
  }

  progress(_jobId: string, _token: number, fraction: number): void {
    this.fractions.push(fraction);
  }

  async complete(jobId: string, token: number, output: PackagedRendition): Promise<boolean> {
    const job = this.#held(jobId, token);
    if (job === null || !this.leaseHeld) return false;
    Object.assign(job, { status: 'done', output });
    this.#notify();
    return true;
  }

  async fail(jobId: string, token: number, reason: string, retry: boolean): Promise<void> {
    this.failures.push({ reason, retry });
    const job = this.#held(jobId, token);
    if (job !== null) Object.assign(job, { status: retry ? 'queued' : 'failed', reason });
    this.#notify();
  }

  async release(jobId: string, token: number, reason: string): Promise<void> {
    this.released.push(reason);
    const job = this.#held(jobId, token);
    if (job !== null) Object.assign(job, { status: 'queued', reason });
    this.#notify();
  }

  waitForWork(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(), timeoutMs);
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#wake.push(done);
    });
  }

  /** Resolves once `condition` holds; the board changes only through its own methods. */
  async until(condition: (board: this) => boolean, timeoutMs = 60_000): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs);
    while (!condition(this)) {
      if (timeout.aborted) throw new Error(`the board never got there: ${JSON.stringify(this.jobs)}`);
      await this.waitForWork(100, timeout);
    }
  }

  /** Resolves once the video is refused, or each of its jobs has ended. */
  settled(videoId: string): Promise<void> {
    return this.until(({ jobs, failedVideos, plans }) => {
      const ended = jobs
        .filter((job) => job.videoId === videoId)
        .every(({ status }) => ['done', 'failed'].includes(status));
      return failedVideos.has(videoId) || (plans.has(videoId) && ended);
    });
  }

  #held(jobId: string, token: number): BoardJob | null {
    return this.jobs.find((job) => job.jobId === jobId && job.token === token && job.status === 'processing') ?? null;
  }

  #decided(videoId: string): void {
    this.#unplanned = this.#unplanned.filter((video) => video.videoId !== videoId);
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Objects as files under a folder. */
export class FolderObjects implements VodObjects {
  readonly folder: string;
  /** Whether the worker may read in place. */
  local = true;
  /** Thrown by the next `put` calls, first to last. */
  readonly putFailures: Error[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  path(key: string): string {
    return join(this.folder, key);
  }

  localPath(key: string): string | null {
    return this.local ? this.path(key) : null;
  }

  async get(key: string): Promise<{ body: Readable } | null> {
    return { body: createReadStream(this.path(key)) };
  }

  async put(key: string, body: Readable): Promise<void> {
    const failure = this.putFailures.shift();
    if (failure !== undefined) {
      body.destroy();
      throw failure;
    }
    await mkdir(dirname(this.path(key)), { recursive: true });
    await pipeline(body, createWriteStream(this.path(key)));
  }

  async deletePrefix(prefix: string): Promise<void> {
    await rm(this.path(prefix), { recursive: true, force: true });
  }

  /** Names in the folder of a prefix, or none. */
  names(prefix: string): Promise<string[]> {
    return readdir(this.path(prefix)).catch(() => []);
  }
}
