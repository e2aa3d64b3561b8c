import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { VIDEO_ID, vodPath } from '../media/media-path.js';
import type { ApiApp, ApiContext } from './api-app.js';
import type { DeletedObjects, JobRow, VideoRow, VideosPage } from './api-catalog.js';
import { type Identity, ownerOnly, owns, signedIn } from './auth.js';
import { Problem, problemResponse } from './problem.js';
import { entryOf } from './random-names.js';
import { cursorOf, videoCursor, videoSchema, videoStatus, videoView } from './video-view.js';

const params = z.object({ id: z.string().regex(VIDEO_ID) });
/** Text that people read: no control characters but line breaks and tabs. */
const words = (lengthMax: number) =>
  z
    .string()
    .max(lengthMax)
    .regex(/^[\P{Cc}\t\n\r]*$/u, 'no control characters');

const listing = z.strictObject({
  status: videoStatus.optional(),
  mine: z.enum(['true', 'false']).optional().describe('only what the caller uploaded'),
  limit: z.coerce.number().int().min(1).max(100).default(24),
  before: videoCursor.optional(),
});

/** Uploaded videos: what is ready is for everybody, the rest for whoever uploaded it and the operator. */
export function addVideoRoutes(app: ApiApp, context: ApiContext): void {
  addListing(app, context);
  addReading(app, context);
  addEditing(app, context);
  addDeletion(app, context);
}

function addListing(app: ApiApp, context: ApiContext): void {
  app.get(
    '/v1/videos',
    {
      schema: {
        summary: 'List videos, newest first',
        description:
          'Everybody sees what is ready; `mine=true` lists all of the caller’s own; the operator sees everything.',
        tags: ['videos'],
        querystring: listing,
        response: {
          200: z.object({ videos: z.array(videoSchema), next: z.string().nullable() }),
          '4xx': problemResponse,
        },
      },
    },
    async (request) => {
      const page = pageFor(request.query, request.identity);
      const rows = await context.catalog.videos(page);
      const last = rows.at(-1);
      const next = rows.length === page.limit && last !== undefined ? cursorOf(last) : null;
      return { videos: rows.map((row) => viewFor(row, request, context)), next };
    },
  );
}

/** What may be listed: for everybody but the operator, what is not ready is listed only of their own. */
function pageFor({ status, mine, limit, before }: z.output<typeof listing>, identity: Identity | null): VideosPage {
  const page = { limit, ...(before === undefined ? {} : { before }) };
  const ofStatus = status === undefined ? {} : { status };
  if (mine === 'true') return { ...page, ...ofStatus, uploaderId: signedIn(identity).userId };
  if (identity?.role === 'operator') return { ...page, ...ofStatus };
  if (status === undefined || status === 'ready') return { ...page, status: 'ready' };
  return { ...page, status, uploaderId: signedIn(identity).userId };
}

function addReading(app: ApiApp, context: ApiContext): void {
  app.get(
    '/v1/videos/:id',
    {
      schema: {
        summary: 'One video',
        description: 'Whoever has the address may see how far it is; its jobs are for its owner.',
        tags: ['videos'],
        params,
        response: { 200: videoSchema, '4xx': problemResponse },
      },
    },
    async (request) => viewFor(await videoOf(request.params.id, context), request, context),
  );
  app.get(
    '/v1/videos/:id/manifest.m3u8',
    {
      schema: {
        summary: "The video's HLS playlist",
        tags: ['videos'],
        params,
        response: { 307: z.null().describe('at Location'), '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      const { id, status } = await videoOf(request.params.id, context);
      if (status !== 'ready') throw new Problem('not-ready', `The video is ${status}, not ready.`);
      return reply.code(307).header('location', vodPath.hls(id)).send(null);
    },
  );
}

function addEditing(app: ApiApp, context: ApiContext): void {
  const body = z
    .strictObject({
      title: words(200).trim().min(1).optional(),
      description: words(5000).optional(),
      revision: z
        .number()
        .int()
        .nonnegative()
        .optional()
        .describe('refused unless the video is still at this revision'),
    })
    .refine(
      ({ title, description }) => title !== undefined || description !== undefined,
      'a title or a description is needed',
    );
  app.patch(
    '/v1/videos/:id',
    {
      schema: {
        summary: 'Change title or description',
        tags: ['videos'],
        params,
        body,
        response: { 200: videoSchema, '4xx': problemResponse },
      },
    },
    async (request) => {
      const { id, uploaderId } = await videoOf(request.params.id, context);
      ownerOnly(request.identity, uploaderId, 'the video');
      const verdict = await context.catalog.append(entryOf('video.updated', { videoId: id, ...request.body }));
      if (!verdict.applied && verdict.reason === 'absent') throw noSuchVideo(id);
      if (!verdict.applied)
        throw new Problem('video-changed', `${verdict.message}.`, { hint: 'Read it again, then edit.' });
      return viewFor(await videoOf(id, context), request, context);
    },
  );
}

function addDeletion(app: ApiApp, context: ApiContext): void {
  app.delete(
    '/v1/videos/:id',
    {
      schema: {
        summary: 'Delete a video and everything stored for it',
        tags: ['videos'],
        params,
        response: { 204: z.null().describe('deleted'), '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      const { id, uploaderId } = await videoOf(request.params.id, context);
      ownerOnly(request.identity, uploaderId, 'the video');
      const verdict = await context.catalog.append(entryOf('video.deleted', { videoId: id }));
      if (!verdict.applied) throw noSuchVideo(id);
      await context.onVideoDeleted(id, (verdict.result ?? { keys: [], prefixes: [] }) as DeletedObjects);
      return reply.code(204).send(null);
    },
  );
}

async function videoOf(id: string, { catalog }: ApiContext): Promise<VideoRow & { readonly jobs: readonly JobRow[] }> {
  const row = await catalog.video(id);
  if (row === null) throw noSuchVideo(id);
  return row;
}

const noSuchVideo = (id: string): Problem => new Problem('not-found', `There is no video ${id}.`);

function viewFor(row: VideoRow, { identity, base }: FastifyRequest, { jobProgress }: ApiContext) {
  return videoView(row, { base, owner: owns(identity, row.uploaderId), jobProgress });
}
