import type { Rendition } from '../media/rendition.js';
import type { Job, JobCounts, ProcessingJob } from './records.js';
import type { Statements } from './statements.js';
import type { JobStatus } from './video-outcome.js';

/** What is asked about transcode jobs. */
export class JobQueries {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  /** How many of a video's jobs are queued or processing. */
  jobsOutstanding(videoId: string): number {
    const { queued, processing } = this.jobCounts(videoId);
    return queued + processing;
  }

  jobCounts(videoId: string): JobCounts {
    const counts = { queued: 0, processing: 0, done: 0, failed: 0 };
    for (const { status } of this.#sql.all<{ status: JobStatus }>(STATUSES, videoId)) counts[status] += 1;
    return counts;
  }

  /** Ask before claiming: a claim is an entry even when there is nothing to claim. */
  hasQueuedJob(): boolean {
    return this.#sql.get(`SELECT 1 FROM transcode_jobs WHERE status = 'queued' LIMIT 1`) !== undefined;
  }

  /** Every lease that is held. */
  processingJobs(): ProcessingJob[] {
    return this.#sql.all<ProcessingJob>(
      `SELECT job_id AS jobId, video_id AS videoId, worker_id AS workerId, token, renewal FROM transcode_jobs
       WHERE status = 'processing' ORDER BY job_id`,
    );
  }
}

/** From the lightest up. */
export function jobsOfVideo(sql: Statements, videoId: string): Job[] {
  return sql.all<JobRow>(JOBS, videoId).map((row) => ({ ...row, rendition: JSON.parse(row.rendition) as Rendition }));
}

type JobRow = Omit<Job, 'rendition'> & { readonly rendition: string };

const STATUSES = 'SELECT status FROM transcode_jobs WHERE video_id = ?';

const JOBS = `
  SELECT job_id AS jobId, video_id AS videoId, resolution, status, worker_id AS workerId, created_at AS createdAt, token,
    attempt, rendition, reason
  FROM transcode_jobs WHERE video_id = ? ORDER BY weight, job_id`;
