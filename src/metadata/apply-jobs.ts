import type { PackagedRendition } from '../media/packaged-rendition.js';
import type { Rendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { ClaimedJob, JobEnding } from './entries.js';
import type { Statements } from './statements.js';
import type { Handlers } from './step.js';
import { accepted, type Outcome, refused } from './verdict.js';
import { type JobStatus, settleVideo } from './video-outcome.js';

/** How often a job is tried before it fails for good. */
export const ATTEMPTS_MAX = 3;

/**
 * Jobs and their leases. A claim's position is the lease's token; whoever speaks for a job names it, and is denied once it
 * is no longer the current one, so that a worker that was given up on can publish nothing.
 */
export const jobHandlers = {
  /** The earliest plan's lightest queued job: a video that waits longest becomes ready first. */
  'job.claimed': ({ sql, position }, { workerId }) => {
    const next = sql.get<{ job_id: string }>(
      `SELECT job_id FROM transcode_jobs WHERE status = 'queued' ORDER BY planned_position, weight, job_id LIMIT 1`,
    );
    if (!next) return refused('absent', 'there is no queued job');
    sql.run(
      `UPDATE transcode_jobs
       SET status = 'processing', worker_id = ?, token = ?, renewal = 0, attempt = attempt + 1, reason = NULL
       WHERE job_id = ?`,
      workerId,
      position,
      next.job_id,
    );
    return accepted(claimedJob(sql, next.job_id, position));
  },

  'job.renewed': ({ sql }, { jobId, token }) => {
    const lease = leaseOf(sql, jobId);
    if (!lease) return noJob(jobId);
    if (!holds(lease, token)) return stale(jobId, token);
    sql.run('UPDATE transcode_jobs SET renewal = renewal + 1 WHERE job_id = ?', jobId);
    return accepted({ renewal: lease.renewal + 1 });
  },

  'job.expired': ({ sql }, { jobId, token, renewal }) => {
    const lease = leaseOf(sql, jobId);
    if (!lease) return noJob(jobId);
    if (!holds(lease, token)) return refused('conflict', `the lease ${token} of the job ${jobId} is over already`);
    if (lease.renewal !== renewal)
      return refused('conflict', `the lease was renewed ${lease.renewal} times, not ${renewal}`);
    return requeue(sql, jobId, lease, 'its worker stopped answering');
  },

  'job.completed': ({ sql }, { jobId, token, output }) => {
    const lease = leaseOf(sql, jobId);
    if (!lease) return noJob(jobId);
    if (!holds(lease, token)) return stale(jobId, token);
    const problem = outputProblem(lease, jobId, token, output);
    if (problem !== null) return refused('conflict', problem);
    sql.run(`UPDATE transcode_jobs SET status = 'done', output = ? WHERE job_id = ?`, JSON.stringify(output), jobId);
    return ended(sql, lease, 'done');
  },

  'job.failed': ({ sql }, { jobId, token, reason, retry }) => {
    const lease = leaseOf(sql, jobId);
    if (!lease) return noJob(jobId);
    if (!holds(lease, token)) return stale(jobId, token);
    return retry ? requeue(sql, jobId, lease, reason) : failJob(sql, jobId, lease, reason);
  },

  'job.released': ({ sql }, { jobId, token, reason }) => {
    const lease = leaseOf(sql, jobId);
    if (!lease) return noJob(jobId);
    if (!holds(lease, token)) return stale(jobId, token);
    return putBack(sql, jobId, lease, { reason, attempt: lease.attempt - 1 });
  },
} satisfies Handlers<'job.claimed' | 'job.renewed' | 'job.expired' | 'job.completed' | 'job.failed' | 'job.released'>;

interface Lease {
  readonly video_id: string;
  readonly status: JobStatus;
  readonly token: number | null;
  readonly renewal: number;
  readonly attempt: number;
  readonly rendition: string;
}

const leaseOf = (sql: Statements, jobId: string): Lease | undefined =>
  sql.get<Lease>(
    'SELECT video_id, status, token, renewal, attempt, rendition FROM transcode_jobs WHERE job_id = ?',
    jobId,
  );

const holds = (lease: Lease, token: number): boolean => lease.status === 'processing' && lease.token === token;

const noJob = (jobId: string): Outcome => refused('absent', `there is no job ${jobId}`);

const stale = (jobId: string, token: number): Outcome =>
  refused('denied', `the lease ${token} of the job ${jobId} is not the current one`);

/** Outputs go under the token and never over a shared key: what names another place was not made under this lease. */
function outputProblem(lease: Lease, jobId: string, token: number, output: PackagedRendition): string | null {
  const prefix = `job/${jobId}/${token}/`;
  if (output.prefix !== prefix) return `the output stands under ${output.prefix}, not ${prefix}`;
  const planned = JSON.parse(lease.rendition) as Rendition;
  if (output.rendition.id === planned.id && output.rendition.kind === planned.kind) return null;
  return `the output is the rendition ${output.rendition.id}, not ${planned.id}`;
}

function requeue(sql: Statements, jobId: string, lease: Lease, reason: string): Outcome {
  if (lease.attempt >= ATTEMPTS_MAX) return failJob(sql, jobId, lease, `${reason} (attempt ${lease.attempt})`);
  return putBack(sql, jobId, lease, { reason, attempt: lease.attempt });
}

function putBack(sql: Statements, jobId: string, lease: Lease, as: { reason: string; attempt: number }): Outcome {
  sql.run(
    `UPDATE transcode_jobs SET status = 'queued', worker_id = NULL, token = NULL, renewal = 0, reason = ?, attempt = ? WHERE job_id = ?`,
    as.reason,
    as.attempt,
    jobId,
  );
  return ended(sql, lease, 'queued');
}

function failJob(sql: Statements, jobId: string, lease: Lease, reason: string): Outcome {
  sql.run(`UPDATE transcode_jobs SET status = 'failed', token = NULL, reason = ? WHERE job_id = ?`, reason, jobId);
  return ended(sql, lease, 'failed');
}

const ended = (sql: Statements, lease: Lease, job: JobEnding['job']): Outcome =>
  accepted({ job, video: settleVideo(sql, lease.video_id) } satisfies JobEnding);

interface ClaimRow {
  readonly video_id: string;
  readonly resolution: string;
  readonly attempt: number;
  readonly rendition: string;
  readonly raw_key: string;
  readonly duration: number;
  readonly source: string;
}

function claimedJob(sql: Statements, jobId: string, token: number): ClaimedJob {
  const row = sql.get<ClaimRow>(
    `SELECT j.video_id, j.resolution, j.attempt, j.rendition, v.raw_key, v.duration, v.source
     FROM transcode_jobs j JOIN videos v ON v.id = j.video_id WHERE j.job_id = ?`,
    jobId,
  );
  if (!row) throw new Error(`the job ${jobId} has no video`);
  return {
    jobId,
    videoId: row.video_id,
    resolution: row.resolution,
    token,
    attempt: row.attempt,
    rawKey: row.raw_key,
    rendition: JSON.parse(row.rendition) as Rendition,
    durationSec: row.duration,
    source: JSON.parse(row.source) as SourceFacts,
  };
}
