import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CHANNEL_NAME } from '../media/media-path.js';
import type { ApiApp, ApiContext } from './api-app.js';
import type { ChannelRow } from './api-catalog.js';
import { ownerOnly, owns, signedIn } from './auth.js';
import { Problem, problemResponse } from './problem.js';
import { entryOf, newStreamKey } from './random-names.js';
import { channelUrls, rtmpUrl } from './reached.js';

const channelName = z
  .string()
  .regex(CHANNEL_NAME, 'a channel name is up to 63 of a-z, 0-9 and dash, and begins with a letter or digit');

const channel = z.object({
  name: z.string(),
  live: z.boolean(),
  hlsUrl: z.string(),
  dashUrl: z.string(),
  watchUrl: z.string(),
  streamKey: z.string().optional().describe("the channel's one secret; for its owner and the operator"),
  rtmpUrl: z.string().optional().describe('where to push, the key included; for the owner and the operator'),
});

const params = z.object({ name: channelName });

/** Live channels: anybody may see which there are, their owners look after them. */
export function addChannelRoutes(app: ApiApp, context: ApiContext): void {
  addCreation(app, context);
  addReading(app, context);
  addKeyRotation(app, context);
  addDeletion(app, context);
}

function addCreation(app: ApiApp, context: ApiContext): void {
  app.post(
    '/v1/channels',
    {
      schema: {
        summary: 'Create a channel',
        tags: ['channels'],
        body: z.strictObject({ name: channelName }),
        response: { 201: channel, '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      const { userId: ownerId, role } = signedIn(request.identity);
      if (role === 'viewer') throw new Problem('forbidden', 'Your role on this box may watch, not broadcast.');
      const { name } = request.body;
      const streamKey = newStreamKey();
      const verdict = await context.catalog.append(entryOf('channel.created', { name, ownerId, streamKey }));
      if (!verdict.applied) throw new Problem('name-taken', `There is a channel ${name} already.`);
      reply.code(201);
      return viewOf({ name, ownerId, streamKey }, request, context);
    },
  );
}

function addReading(app: ApiApp, context: ApiContext): void {
  app.get(
    '/v1/channels',
    {
      schema: {
        summary: 'List the channels, in the order of their names',
        tags: ['channels'],
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(100).default(100),
          after: z.string().max(63).optional().describe('`next` of the page before'),
        }),
        response: {
          200: z.object({ channels: z.array(channel), next: z.string().nullable() }),
          '4xx': problemResponse,
        },
      },
    },
    async (request) => {
      const { limit, after } = request.query;
      const rows = await context.catalog.channels({ limit, ...(after === undefined ? {} : { after }) });
      const channels = rows.map((row) => viewOf(row, request, context));
      return { channels, next: rows.length === limit ? (rows.at(-1)?.name ?? null) : null };
    },
  );
  app.get(
    '/v1/channels/:name',
    {
      schema: {
        summary: 'One channel',
        tags: ['channels'],
        params,
        response: { 200: channel, '4xx': problemResponse },
      },
    },
    async (request) => viewOf(await channelNamed(request.params.name, context), request, context),
  );
}

function addKeyRotation(app: ApiApp, context: ApiContext): void {
  app.post(
    '/v1/channels/:name/rotate-key',
    {
      schema: {
        summary: 'Give a channel a new stream key',
        description: 'Whoever pushes with the old one is cut.',
        tags: ['channels'],
        params,
        response: { 200: channel, '4xx': problemResponse },
      },
    },
    async (request) => {
      const row = await channelNamed(request.params.name, context);
      ownerOnly(request.identity, row.ownerId, 'the channel');
      const streamKey = newStreamKey();
      const verdict = await context.catalog.append(entryOf('channel.key-rotated', { name: row.name, streamKey }));
      if (!verdict.applied) throw noSuchChannel(row.name);
      await context.onChannelStopped(row.name, 'key-rotated');
      return viewOf({ ...row, streamKey }, request, context);
    },
  );
}

function addDeletion(app: ApiApp, context: ApiContext): void {
  app.delete(
    '/v1/channels/:name',
    {
      schema: {
        summary: 'Delete a channel',
        description: 'A broadcast on it ends.',
        tags: ['channels'],
        params,
        response: { 204: z.null().describe('deleted'), '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      const { name, ownerId } = await channelNamed(request.params.name, context);
      ownerOnly(request.identity, ownerId, 'the channel');
      const verdict = await context.catalog.append(entryOf('channel.deleted', { name }));
      if (!verdict.applied) throw noSuchChannel(name);
      await context.onChannelStopped(name, 'deleted');
      return reply.code(204).send(null);
    },
  );
}

async function channelNamed(name: string, { catalog }: ApiContext): Promise<ChannelRow> {
  const row = await catalog.channel(name);
  if (row === null) throw noSuchChannel(name);
  return row;
}

const noSuchChannel = (name: string): Problem => new Problem('not-found', `There is no channel ${name}.`);

/** What this caller may see of it. */
function viewOf(row: Omit<ChannelRow, 'createdAt'>, { identity, base }: FastifyRequest, context: ApiContext) {
  const { name, streamKey } = row;
  const seen = { name, live: context.isChannelLive(name), ...channelUrls(base, name) };
  if (!owns(identity, row.ownerId)) return seen;
  return { ...seen, streamKey, rtmpUrl: rtmpUrl(base, context.rtmpAddress(), streamKey) };
}
