import { vodPath } from '../media/media-path.js';
import type { Statements } from './statements.js';

export type VideoStatus = 'uploading' | 'transcoding' | 'ready' | 'failed';
export type JobStatus = 'queued' | 'processing' | 'done' | 'failed';

/** The longest reason that is put together from the jobs' own. */
const REASON_CHARACTERS_MAX = 1_000;

interface Job {
  readonly resolution: string;
  readonly status: JobStatus;
  readonly weight: number;
  readonly reason: string | null;
}

/**
 * Moves a transcoding video on after one of its jobs ended; returns its status.
 *
 * Ready: audio, if the plan has any, is done, and at least one video rung is, if the plan has any. Failed: that has not
 * been reached and no job is left that could. A ready video stays ready whatever its later rungs do.
 */
export function settleVideo(sql: Statements, videoId: string): VideoStatus {
  const status = statusOf(sql, videoId);
  if (status !== 'transcoding') return status;
  const jobs = sql.all<Job>(
    'SELECT resolution, status, weight, reason FROM transcode_jobs WHERE video_id = ? ORDER BY weight, job_id',
    videoId,
  );
  if (playable(jobs)) {
    sql.run(`UPDATE videos SET status = 'ready', abr_manifest_url = ? WHERE id = ?`, vodPath.hls(videoId), videoId);
    return 'ready';
  }
  if (jobs.some((job) => job.status === 'queued' || job.status === 'processing')) return 'transcoding';
  failVideo(sql, videoId, reasonOf(jobs));
  return 'failed';
}

/** Fails the video and what was still to be done for it: a worker that holds one of these jobs learns it at its next word. */
export function failVideo(sql: Statements, videoId: string, reason: string): void {
  sql.run(`UPDATE videos SET status = 'failed', failure_reason = ? WHERE id = ?`, reason, videoId);
  sql.run(
    `UPDATE transcode_jobs SET status = 'failed', token = NULL, reason = ?
     WHERE video_id = ? AND status IN ('queued', 'processing')`,
    'the video failed',
    videoId,
  );
}

function statusOf(sql: Statements, videoId: string): VideoStatus {
  const row = sql.get<{ status: VideoStatus }>('SELECT status FROM videos WHERE id = ?', videoId);
  if (!row) throw new Error(`a job belongs to the video ${videoId}, which does not exist`);
  return row.status;
}

function playable(jobs: readonly Job[]): boolean {
  const audio = jobs.filter(isAudio);
  const video = jobs.filter((job) => !isAudio(job));
  const audioDone = audio.every((job) => job.status === 'done');
  return jobs.length > 0 && audioDone && (video.length === 0 || video.some((job) => job.status === 'done'));
}

const isAudio = (job: Job): boolean => job.weight === 0;

function reasonOf(jobs: readonly Job[]): string {
  const words = jobs
    .filter((job) => job.status === 'failed')
    .map((job) => `${job.resolution}: ${job.reason ?? 'failed'}`);
  return words.join('; ').slice(0, REASON_CHARACTERS_MAX);
}
