import { z } from 'zod';
import type { JobRow, VideoRow } from './api-catalog.js';
import { videoUrls } from './reached.js';

const job = z.object({
  resolution: z.string(),
  status: z.enum(['queued', 'processing', 'done', 'failed']),
  progress: z.number().min(0).max(1).nullable().describe('null where it is not known'),
});

export const videoStatus = z.enum(['uploading', 'transcoding', 'ready', 'failed']);

export const videoSchema = z.object({
  id: z.string(),
  uploader_id: z.string(),
  title: z.string(),
  description: z.string(),
  status: videoStatus,
  duration: z.number().nullable().describe('seconds'),
  manifest_url: z.string().nullable().describe('the HLS address, once the video is ready'),
  thumbnail_url: z.string().nullable(),
  hlsUrl: z.string(),
  dashUrl: z.string(),
  watchUrl: z.string(),
  view_count: z.number().int(),
  created_at: z.number().int().describe('epoch ms'),
  broadcast_id: z.string().nullable().describe('of the archive of a broadcast: its id'),
  incomplete: z.boolean().describe('an archive in which something is missing that was announced'),
  revision: z.number().int().describe('counts edits; give it back with an edit to be refused if somebody was faster'),
  size_bytes: z.number().int().optional().describe('for the owner and the operator'),
  reason: z.string().nullable().optional().describe('why it failed; for the owner and the operator'),
  jobs: z.array(job).optional().describe('for the owner and the operator, where one video is asked for'),
});

export interface VideoViewer {
  readonly base: string;
  /** Whether the caller owns the video or the box. */
  readonly owner: boolean;
  readonly jobProgress: (jobId: string) => number | null;
}

/** What this caller may see of a video. */
export function videoView(
  row: VideoRow & { readonly jobs?: readonly JobRow[] },
  viewer: VideoViewer,
): z.infer<typeof videoSchema> {
  const urls = videoUrls(viewer.base, row.id);
  return {
    id: row.id,
    uploader_id: row.uploaderId,
    title: row.title,
    description: row.description,
    status: row.status,
    duration: row.durationSec,
    manifest_url: row.status === 'ready' ? urls.hlsUrl : null,
    thumbnail_url: row.thumbnailUrl === null ? null : viewer.base + row.thumbnailUrl,
    ...urls,
    view_count: row.viewCount,
    created_at: row.createdAt,
    broadcast_id: row.broadcastId,
    incomplete: row.incomplete,
    revision: row.revision,
    ...(viewer.owner ? ownersView(row, viewer) : {}),
  };
}

function ownersView({ sizeBytes, failureReason, jobs }: VideoRow & { jobs?: readonly JobRow[] }, viewer: VideoViewer) {
  const view = { size_bytes: sizeBytes, reason: failureReason };
  if (jobs === undefined) return view;
  return { ...view, jobs: jobs.map((job) => jobView(job, viewer)) };
}

function jobView({ jobId, resolution, status }: JobRow, { jobProgress }: VideoViewer) {
  const progress = { queued: 0, processing: jobProgress(jobId), done: 1, failed: null }[status];
  return { resolution, status, progress: progress === null ? null : Math.min(1, Math.max(0, progress)) };
}

/** A page's cursor: the time and id of its last video. */
export const videoCursor = z
  .string()
  .max(64)
  .regex(/^\d{1,16}-v_[a-z0-9]{10,32}$/, 'not a cursor of ours')
  .transform((text) => ({ createdAt: Number(text.slice(0, text.indexOf('-'))), id: text.slice(text.indexOf('-') + 1) }))
  .describe('`next` of the page before');

export const cursorOf = ({ createdAt, id }: VideoRow): string => `${createdAt}-${id}`;
