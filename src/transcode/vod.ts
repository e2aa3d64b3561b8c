/**
 * Turns uploaded files into packaged renditions: plans what is new on the job board, and works off its jobs.
 *
 * Lifetime: constructed idle → `start` (sweeps scratch, then one planning loop and `concurrency` lanes run) → `stop`
 * (no new work; jobs in hand get a grace period, then go back to the board) → over. A worker is started once.
 *
 * A job is held by a lease, renewed every third of its time; a lost lease ends the work at once and what it stored is
 * deleted. A killed process leaves scratch (swept at the next start) and a lease that runs out on the board.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { runTool } from './ffmpeg-process.js';
import type { ClaimedJob, JobBoard, UnplannedVideo, VodObjects } from './job-board.js';
import { Lease } from './lease.js';
import { type MediaTools, mediaTools } from './media-tools.js';
import type { X264Preset } from './vod-command.js';
import { type JobOutcome, jobPrefix, runVodJob } from './vod-job.js';
import { type PlanOutcome, planVideo } from './vod-plan.js';
import { VodScratch } from './vod-scratch.js';

export interface VodWorkerOptions {
  readonly board: JobBoard;
  readonly objects: VodObjects;
  /** A folder of this worker's own. */
  readonly scratchDir: string;
  readonly workerId: string;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Which ffmpeg; ffprobe is taken from beside it. Default: both from PATH. */
  readonly binary?: string;
  /** How long a lease lasts without renewal, ms. */
  readonly leaseTtlMs: number;
  /** Jobs at a time, ≥ 1. Default 1: one x264 fills the cores. */
  readonly concurrency?: number;
  /** 0 to 19. Default 10: live comes first. */
  readonly nice?: number;
  /** Default `faster`. */
  readonly preset?: X264Preset;
  /** Files of sound alone become videos too. Default false: they are refused. */
  readonly audioOnly?: boolean;
  /** A child that makes no progress for this long is killed, ms. Default 120 000. */
  readonly stallMs?: number;
  /** Pause after a failure of our own, ms, times the attempt. Default 5 000. */
  readonly retryPauseMs?: number;
}

/** Tries of one job or plan where the box is at fault. */
const ATTEMPTS_MAX = 3;
/** Short, since work may come between an empty answer and the wait. */
const IDLE_WAIT_MS = 5_000;
const RETRY_PAUSE_MS = 5_000;
const STALL_MS = 120_000;

export class VodWorker {
  readonly #options: VodWorkerOptions;
  readonly #log: Log;
  readonly #tools: MediaTools;
  /** Fires when no more work is to be begun. */
  readonly #closing = new AbortController();
  /** Fires when work in hand is to be given up. */
  readonly #giveUp = new AbortController();
  readonly #planFailures = new Map<string, number>();
  /** The video that was planned or refused last. */
  #settled: string | null = null;
  readonly #metrics: ReturnType<typeof vodMetrics>;
  #scratch: VodScratch | null = null;
  #zscale = false;
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: VodWorkerOptions) {
    this.#options = options;
    this.#log = options.log.child({ worker: options.workerId });
    this.#tools = mediaTools(options.binary);
    this.#metrics = vodMetrics(options.metrics);
  }

  /** Failure `transcode.scratch-folder` where the scratch folder cannot serve. */
  async start(): Promise<void> {
    this.#scratch = await VodScratch.open(this.#options.scratchDir);
    this.#zscale = await hasZscale(this.#tools, this.#log);
    const lanes = Array.from({ length: Math.max(1, this.#options.concurrency ?? 1) }, () =>
      this.#loop(() => this.#workOnce()),
    );
    this.#loops = Promise.all([this.#loop(() => this.#planOnce()), ...lanes]);
  }

  /** Begins nothing more; work in hand may finish within `graceMs`, then it is ended and put back. */
  async stop(graceMs: number): Promise<void> {
    this.#closing.abort();
    const timer = setTimeout(() => this.#giveUp.abort(), graceMs);
    await this.#loops;
    clearTimeout(timer);
  }

  /** Runs `step` until closing; it answers how long to pause before the next, or null to wait for new work. */
  async #loop(step: () => Promise<number | null>): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const pauseMs = await this.#survive(step);
      if (signal.aborted) return;
      if (pauseMs === null) await this.#idle(signal);
      else if (pauseMs > 0) await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  async #idle(signal: AbortSignal): Promise<void> {
    await this.#survive(async () => {
      await this.#options.board.waitForWork(IDLE_WAIT_MS, signal);
      return 0;
    });
  }

  /** The board may be away for a while (a busy catalog, a lost connection): that must not end the loop. */
  async #survive(step: () => Promise<number | null>): Promise<number | null> {
    try {
      return await step();
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#log.error({ error }, `VOD work is held up: ${messageOf(error)}`);
      const pauseMs = this.#pauseMs(1);
      await sleep(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      return 0;
    }
  }

  #pauseMs(attempt: number): number {
    return (this.#options.retryPauseMs ?? RETRY_PAUSE_MS) * attempt;
  }

  async #planOnce(): Promise<number | null> {
    const video = await this.#options.board.nextUnplanned();
    if (video === null) return null;
    if (video.videoId === this.#settled) {
      // The board did not take the answer, and giving it again at once would be a busy loop.
      this.#settled = null;
      return this.#pauseMs(1);
    }
    const log = this.#log.child({ video: video.videoId });
    const outcome = await this.#plan(video, log);
    if (this.#giveUp.signal.aborted) return 0;
    return this.#settlePlan(video, outcome, log);
  }

  async #plan(video: UnplannedVideo, log: Log): Promise<PlanOutcome> {
    const { objects, nice = 10, audioOnly = false } = this.#options;
    try {
      return await this.#inScratch((scratch) =>
        planVideo(video, { objects, scratch, log, tools: this.#tools, signal: this.#giveUp.signal, nice, audioOnly }),
      );
    } catch (error) {
      return { kind: 'failed', reason: messageOf(error) };
    }
  }

  async #settlePlan({ videoId }: UnplannedVideo, outcome: PlanOutcome, log: Log): Promise<number> {
    const { board } = this.#options;
    const failures = (this.#planFailures.get(videoId) ?? 0) + 1;
    if (outcome.kind === 'failed' && failures < ATTEMPTS_MAX) {
      log.warn({ reason: outcome.reason, failures }, 'planning failed; it will be tried again');
      this.#planFailures.set(videoId, failures);
      return this.#pauseMs(failures);
    }
    this.#planFailures.delete(videoId);
    this.#settled = videoId;
    if (outcome.kind !== 'planned') {
      log.warn({ reason: outcome.reason }, 'the upload cannot become a video');
      await board.failVideo(videoId, outcome.reason);
      return 0;
    }
    if (outcome.posterKey !== null) await board.poster(videoId, outcome.posterKey);
    await board.planned(outcome.plan);
    log.info({ jobs: outcome.plan.jobs.length, durationSec: outcome.plan.durationSec }, 'video planned');
    return 0;
  }

  async #workOnce(): Promise<number | null> {
    const { board, workerId } = this.#options;
    const job = await board.claim(workerId);
    if (job === null) return null;
    const log = this.#log.child({ video: job.videoId, job: job.jobId, rendition: job.rendition.id });
    const lease = new Lease({ board, job, ttlMs: this.#options.leaseTtlMs, log });
    const began = performance.now();
    this.#metrics.running.inc();
    try {
      const signal = AbortSignal.any([lease.lost, this.#giveUp.signal]);
      const outcome = await this.#run(job, log, signal);
      return await this.#settleJob(job, lease.lost.aborted ? LEASE_LOST : outcome, log);
    } finally {
      lease.release();
      this.#metrics.running.dec();
      this.#metrics.seconds.observe({ kind: job.rendition.kind }, (performance.now() - began) / 1000);
    }
  }

  async #run(job: ClaimedJob, log: Log, signal: AbortSignal): Promise<JobOutcome> {
    const { board, objects, nice = 10, preset = 'faster', stallMs = STALL_MS } = this.#options;
    const onProgress = (fraction: number) => board.progress(job.jobId, job.token, fraction);
    const zscale = this.#zscale;
    const tools = this.#tools;
    try {
      return await this.#inScratch((scratch) =>
        runVodJob(job, { objects, scratch, log, tools, signal, nice, preset, zscale, stallMs, onProgress }),
      );
    } catch (error) {
      return { kind: 'failed', reason: messageOf(error) };
    }
  }

  async #settleJob(job: ClaimedJob, outcome: JobOutcome | typeof LEASE_LOST, log: Log): Promise<number> {
    const { board } = this.#options;
    const { jobId, token, attempt } = job;
    if (outcome.kind === 'done' && (await board.complete(jobId, token, outcome.packaged))) {
      this.#metrics.jobs.inc({ outcome: 'done' });
      log.info({ segments: outcome.packaged.segments.length }, 'rendition ready');
      return 0;
    }
    await this.#discard(job, log);
    if (outcome.kind === 'done' || outcome.kind === 'lost') {
      this.#metrics.jobs.inc({ outcome: 'lost' });
      log.warn('the lease was lost; the work is discarded');
      return 0;
    }
    if (this.#giveUp.signal.aborted) {
      await board.release(jobId, token, 'the box was stopped');
      return 0;
    }
    const { reason } = outcome;
    const retry = outcome.kind === 'failed' && attempt < ATTEMPTS_MAX;
    this.#metrics.jobs.inc({ outcome: retry ? 'retried' : 'failed' });
    log.warn({ reason, retry, attempt }, 'job failed');
    await board.fail(jobId, token, reason, retry);
    return retry ? this.#pauseMs(attempt) : 0;
  }

  async #discard(job: ClaimedJob, log: Log): Promise<void> {
    await this.#options.objects.deletePrefix(jobPrefix(job)).catch((error: unknown) => {
      log.warn({ reason: messageOf(error) }, 'left-over objects of a job could not be deleted');
    });
  }

  #inScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
    if (this.#scratch === null) throw new Error('the worker was not started');
    return this.#scratch.use(work);
  }
}

const LEASE_LOST = { kind: 'lost' } as const;

async function hasZscale({ ffmpeg }: MediaTools, log: Log): Promise<boolean> {
  const outcome = await runTool(ffmpeg, ['-hide_banner', '-filters'], { log });
  return outcome.ok && / zscale /.test(outcome.stdout.toString('utf8'));
}

function vodMetrics(metrics: Metrics) {
  return {
    jobs: metrics.counter(
      'vod_jobs_total',
      'VOD jobs by how they ended: done, failed (the file is at fault, or three tries were), retried, lost (another worker has the lease). Many retried or lost: look at disk space, memory and clocks.',
      ['outcome'],
    ),
    running: metrics.gauge(
      'vod_jobs_running',
      'VOD jobs being worked on now. At its ceiling for long: uploads are waiting.',
    ),
    seconds: metrics.histogram(
      'vod_job_seconds',
      'Wall time of one VOD job, from claim to its end.',
      [1, 5, 15, 60, 300, 900, 3600, 14_400],
      ['kind'],
    ),
  };
}
