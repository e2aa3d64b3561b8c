import { vodPath } from '../media/media-path.js';
import type { Rendition } from '../media/rendition.js';
import type { DeletedObjects, EntryData } from './entries.js';
import { schemaVersion } from './schema.js';
import type { Statements } from './statements.js';
import type { Handlers, Step } from './step.js';
import { accepted, type Outcome, refused } from './verdict.js';
import { failVideo, type VideoStatus } from './video-outcome.js';

/** A video from the start of its upload to its plan, and what people change about it. Its jobs' ends are apply-jobs.ts. */
export const videoHandlers = {
  'video.created': ({ sql, at }, { videoId, uploaderId, title, description, sizeBytes }) => {
    if (videoRow(sql, videoId)) return refused('exists', `there is a video ${videoId} already`);
    sql.run(
      `INSERT INTO videos (id, uploader_id, title, description, status, created_at, size_bytes)
       VALUES (?, ?, ?, ?, 'uploading', ?, ?)`,
      videoId,
      uploaderId,
      title,
      description,
      at,
      sizeBytes,
    );
    sql.run('INSERT INTO engagement (video_id) VALUES (?)', videoId);
    return accepted();
  },

  'video.uploaded': ({ sql }, { videoId, rawKey, sizeBytes }) => {
    const video = videoRow(sql, videoId);
    if (!video) return noVideo(videoId);
    if (video.status !== 'uploading') return refused('conflict', `the video is ${video.status}, not uploading`);
    sql.run(
      `UPDATE videos SET status = 'transcoding', raw_key = ?, size_bytes = ? WHERE id = ?`,
      rawKey,
      sizeBytes,
      videoId,
    );
    return accepted();
  },

  'video.planned': (step, plan) => {
    const video = videoRow(step.sql, plan.videoId);
    if (!video) return noVideo(plan.videoId);
    if (video.status !== 'transcoding') return refused('conflict', `the video is ${video.status}, not transcoding`);
    if (video.planned === 1) return refused('conflict', 'the video has its plan already');
    return planJobs(step, plan);
  },

  'video.poster': ({ sql }, { videoId, key }) => {
    if (!videoRow(sql, videoId)) return noVideo(videoId);
    sql.run('UPDATE videos SET poster_key = ?, thumbnail_url = ? WHERE id = ?', key, vodPath.poster(videoId), videoId);
    return accepted();
  },

  'video.failed': ({ sql }, { videoId, reason }) => {
    const video = videoRow(sql, videoId);
    if (!video) return noVideo(videoId);
    if (video.status === 'ready' || video.status === 'failed') {
      return refused('conflict', `the video is ${video.status} already`);
    }
    failVideo(sql, videoId, reason);
    return accepted();
  },

  'video.updated': ({ sql }, { videoId, title, description, revision }) => {
    const video = videoRow(sql, videoId);
    if (!video) return noVideo(videoId);
    if (revision !== undefined && revision !== video.revision) {
      return refused('conflict', `the video is at revision ${video.revision}, not ${revision}`);
    }
    sql.run(
      `UPDATE videos SET title = coalesce(?, title), description = coalesce(?, description), revision = revision + 1
       WHERE id = ?`,
      title ?? null,
      description ?? null,
      videoId,
    );
    return accepted({ revision: video.revision + 1 });
  },

  'video.deleted': ({ sql }, { videoId }) => {
    if (!videoRow(sql, videoId)) return noVideo(videoId);
    const objects = objectsOf(sql, videoId);
    sql.run('DELETE FROM transcode_jobs WHERE video_id = ?', videoId);
    sql.run('DELETE FROM watch_history WHERE video_id = ?', videoId);
    sql.run('DELETE FROM engagement WHERE video_id = ?', videoId);
    sql.run('DELETE FROM videos WHERE id = ?', videoId);
    return accepted(objects);
  },
} satisfies Handlers<
  | 'video.created'
  | 'video.uploaded'
  | 'video.planned'
  | 'video.poster'
  | 'video.failed'
  | 'video.updated'
  | 'video.deleted'
>;

interface VideoRow {
  readonly status: VideoStatus;
  readonly revision: number;
  readonly planned: 0 | 1;
}

const videoRow = (sql: Statements, videoId: string): VideoRow | undefined =>
  sql.get<VideoRow>('SELECT status, revision, source IS NOT NULL AS planned FROM videos WHERE id = ?', videoId);

const noVideo = (videoId: string): Outcome => refused('absent', `there is no video ${videoId}`);

/** The checks of a plan's jobs, then their rows: a second planner with jobs of its own comes too late before this. */
function planJobs(
  { sql, position, at }: Step,
  { videoId, durationSec, source, jobs }: EntryData<'video.planned'>,
): Outcome {
  const ids = new Set(jobs.map(({ jobId }) => jobId));
  if (ids.size < jobs.length) return refused('conflict', 'the plan names a job twice');
  const taken = jobs.find(({ jobId }) => sql.get('SELECT 1 FROM transcode_jobs WHERE job_id = ?', jobId));
  if (taken) return refused('exists', `there is a job ${taken.jobId} already`);
  sql.run('UPDATE videos SET duration = ?, source = ? WHERE id = ?', durationSec, JSON.stringify(source), videoId);
  for (const { jobId, resolution, rendition } of jobs) {
    sql.run(
      `INSERT INTO transcode_jobs (job_id, video_id, resolution, status, created_at, weight, planned_position, rendition)
       VALUES (?, ?, ?, 'queued', ?, ?, ?, ?)`,
      jobId,
      videoId,
      resolution,
      at,
      weightOf(rendition),
      position,
      JSON.stringify(rendition),
    );
  }
  return accepted();
}

/** Light jobs go first, audio before all, so that a video is ready as soon as it can be. */
const weightOf = (rendition: Rendition): number =>
  rendition.kind === 'audio' ? 0 : Math.max(1, rendition.width * rendition.height);

/** Every attempt of every job wrote under a token of its own below the job's prefix; a broadcast has a prefix of its own. */
function objectsOf(sql: Statements, videoId: string): DeletedObjects {
  const video = sql.get<{ raw_key: string | null; poster_key: string | null }>(
    'SELECT raw_key, poster_key FROM videos WHERE id = ?',
    videoId,
  );
  const jobs = sql.all<{ job_id: string }>(
    'SELECT job_id FROM transcode_jobs WHERE video_id = ? ORDER BY job_id',
    videoId,
  );
  const keys = [video?.raw_key, video?.poster_key].filter((key) => typeof key === 'string');
  return { keys, prefixes: [...jobs.map(({ job_id }) => `job/${job_id}/`), ...broadcastPrefix(sql, videoId)] };
}

function broadcastPrefix(sql: Statements, videoId: string): string[] {
  if (schemaVersion(sql) < 3) return [];
  const row = sql.get<{ id: string | null }>('SELECT broadcast_id AS id FROM videos WHERE id = ?', videoId);
  return row?.id ? [`live/${row.id}/`] : [];
}
