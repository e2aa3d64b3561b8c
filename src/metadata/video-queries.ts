import type { PackagedRendition } from '../media/packaged-rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import { jobsOfVideo } from './job-queries.js';
import type { PackagedVideo, Video, VideosPage, VideoWithJobs } from './records.js';
import { pageSize, type Statements } from './statements.js';
import type { VideoStatus } from './video-outcome.js';

/** What is asked about videos. Each text is constant, so that each is prepared once and has its index (schema.ts). */
export class VideoQueries {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  video(id: string): VideoWithJobs | null {
    const row = this.#sql.get<VideoRow>(`${VIDEOS} WHERE id = ?`, id);
    return row ? { ...toVideo(row), jobs: jobsOfVideo(this.#sql, id) } : null;
  }

  /** Newest first. */
  videos(page: VideosPage): Video[] {
    const { text, values } = videosPage(page);
    return this.#sql.all<VideoRow>(text, ...values).map((row) => toVideo(row));
  }

  /** Of those that can be played and were, the most watched first. */
  popularVideos(limit: number): string[] {
    const text = `SELECT id FROM videos INDEXED BY videos_popular WHERE status = 'ready' AND view_count > 0 ORDER BY view_count DESC, id DESC LIMIT ?`;
    return this.#sql.all<{ id: string }>(text, pageSize(limit)).map(({ id }) => id);
  }

  /** The video that has waited longest for its plan. */
  nextUnplannedVideo(): { videoId: string; rawKey: string } | null {
    const next = this.#sql.get<{ videoId: string; rawKey: string }>(
      `SELECT id AS videoId, raw_key AS rawKey FROM videos INDEXED BY videos_unplanned
       WHERE status = 'transcoding' AND source IS NULL ORDER BY created_at, id LIMIT 1`,
    );
    return next ?? null;
  }

  /** Uploads begun before a time and not yet over, oldest first; whether bytes still come, only their stage knows. */
  staleUploads(createdBefore: number, limit: number): { videoId: string; createdAt: number }[] {
    return this.#sql.all<{ videoId: string; createdAt: number }>(
      `SELECT id AS videoId, created_at AS createdAt FROM videos
       WHERE status = 'uploading' AND created_at < ? ORDER BY created_at, id LIMIT ?`,
      createdBefore,
      pageSize(limit),
    );
  }

  /** Videos that were broadcasts and have no poster, the newest first. */
  archivesWithoutPoster(limit: number): { videoId: string; broadcastId: string }[] {
    return this.#sql.all<{ videoId: string; broadcastId: string }>(
      `SELECT id AS videoId, broadcast_id AS broadcastId FROM videos
       WHERE broadcast_id IS NOT NULL AND poster_key IS NULL AND status = 'ready' ORDER BY created_at DESC, id DESC LIMIT ?`,
      pageSize(limit),
    );
  }

  /** What can be played of a video; null until it is ready. */
  packaged(videoId: string): PackagedVideo | null {
    const video = this.#sql.get<{ duration: number; poster_key: string | null; archive_key: string | null }>(
      `SELECT duration, poster_key, archive_key FROM videos WHERE id = ? AND status = 'ready'`,
      videoId,
    );
    if (!video) return null;
    const jobs = this.#sql.all<{ status: string; output: string | null }>(
      'SELECT status, output FROM transcode_jobs WHERE video_id = ? ORDER BY weight, job_id',
      videoId,
    );
    return {
      videoId,
      durationSec: video.duration,
      renditions: jobs.flatMap(({ output }) => (output === null ? [] : [JSON.parse(output) as PackagedRendition])),
      posterKey: video.poster_key,
      archiveKey: video.archive_key,
      complete: jobs.every(({ status }) => status === 'done' || status === 'failed'),
    };
  }
}

const VIDEOS = `
  SELECT id, uploader_id, title, description, duration, status, abr_manifest_url, thumbnail_url, view_count, created_at,
    revision, size_bytes, raw_key, source, failure_reason, poster_key, broadcast_id, incomplete, likes, comments_count, shares
  FROM videos LEFT JOIN engagement ON engagement.video_id = videos.id`;

/** The statement for a page: one of eight texts, by which filters are given. */
export function videosPage({ status, uploaderId, limit, before }: VideosPage): { text: string; values: unknown[] } {
  const filters: [condition: string, values: unknown[]][] = [];
  if (uploaderId !== undefined) filters.push(['uploader_id = ?', [uploaderId]]);
  if (status !== undefined) filters.push(['status = ?', [status]]);
  if (before !== undefined) filters.push(['(created_at, id) < (?, ?)', [before.createdAt, before.id]]);
  const where = filters.length > 0 ? `WHERE ${filters.map(([condition]) => condition).join(' AND ')}` : '';
  return {
    text: `${VIDEOS} ${where} ORDER BY created_at DESC, id DESC LIMIT ?`,
    values: [...filters.flatMap(([, values]) => values), pageSize(limit)],
  };
}

interface VideoRow {
  readonly id: string;
  readonly uploader_id: string;
  readonly title: string;
  readonly description: string;
  readonly duration: number | null;
  readonly status: VideoStatus;
  readonly abr_manifest_url: string | null;
  readonly thumbnail_url: string | null;
  readonly view_count: number;
  readonly created_at: number;
  readonly revision: number;
  readonly size_bytes: number;
  readonly raw_key: string | null;
  readonly source: string | null;
  readonly failure_reason: string | null;
  readonly poster_key: string | null;
  readonly broadcast_id: string | null;
  readonly incomplete: 0 | 1;
  readonly likes: number | null;
  readonly comments_count: number | null;
  readonly shares: number | null;
}

const toVideo = (row: VideoRow): Video => ({
  id: row.id,
  uploaderId: row.uploader_id,
  title: row.title,
  description: row.description,
  durationSec: row.duration,
  status: row.status,
  manifestUrl: row.abr_manifest_url,
  thumbnailUrl: row.thumbnail_url,
  viewCount: row.view_count,
  createdAt: row.created_at,
  revision: row.revision,
  sizeBytes: row.size_bytes,
  rawKey: row.raw_key,
  posterKey: row.poster_key,
  failureReason: row.failure_reason,
  broadcastId: row.broadcast_id,
  incomplete: row.incomplete === 1,
  source: row.source === null ? null : (JSON.parse(row.source) as SourceFacts),
  likes: row.likes ?? 0,
  commentsCount: row.comments_count ?? 0,
  shares: row.shares ?? 0,
});
