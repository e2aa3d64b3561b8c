import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DEFAULT_CHANNEL_SETTINGS } from '../media/channel-settings.js';
import type { ApiApp, ApiContext } from './api-app.js';
import type { ChannelRow } from './api-catalog.js';
import { ownerOnly, owns, signedIn } from './auth.js';
import { channelName, channelSchema, channelSettings, channelView } from './channel-view.js';
import { Problem, problemResponse } from './problem.js';
import { entryOf, newStreamKey } from './random-names.js';

const params = z.object({ name: channelName });

/** Live channels: anybody may see which there are, their owners look after them. */
export function addChannelRoutes(app: ApiApp, context: ApiContext): void {
  addCreation(app, context);
  addReading(app, context);
  addSettings(app, context);
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
        response: { 201: channelSchema, '4xx': problemResponse },
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
      return viewOf({ name, ownerId, streamKey, settings: DEFAULT_CHANNEL_SETTINGS, revision: 0 }, request, context);
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
          200: z.object({ channels: z.array(channelSchema), next: z.string().nullable() }),
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
        response: { 200: channelSchema, '4xx': problemResponse },
      },
    },
    async (request) => viewOf(await channelNamed(request.params.name, context), request, context),
  );
}

function addSettings(app: ApiApp, context: ApiContext): void {
  const body = channelSettings
    .partial()
    .extend({
      revision: z
        .number()
        .int()
        .nonnegative()
        .optional()
        .describe('refused unless the channel is still at this revision'),
    })
    .strict()
    .refine(
      ({ revision: _, ...settings }) => Object.values(settings).some((value) => value !== undefined),
      'a setting is needed: preset, graceSec, onLoss, srtPassphrase, dvrSec or archive',
    );
  app.patch(
    '/v1/channels/:name',
    {
      schema: {
        summary: "Change a channel's settings",
        description:
          'Those that are named; null gives one back to the box. They act from the next broadcast on (a publisher who returns within the grace time goes on with the present one), the SRT passphrase from the next connection.',
        tags: ['channels'],
        params,
        body,
        response: { 200: channelSchema, '4xx': problemResponse },
      },
    },
    async (request) => {
      const { name, ownerId } = await channelNamed(request.params.name, context);
      ownerOnly(request.identity, ownerId, 'the channel');
      const { revision, ...settings } = request.body;
      if (settings.preset) knownPreset(settings.preset, context.presets);
      const verdict = await context.catalog.append(entryOf('channel.configured', { name, settings, revision }));
      if (!verdict.applied && verdict.reason === 'absent') throw noSuchChannel(name);
      if (!verdict.applied)
        throw new Problem('channel-changed', `${verdict.message}.`, { hint: 'Read it again, then change it.' });
      return viewOf(await channelNamed(name, context), request, context);
    },
  );
}

function knownPreset(preset: string, presets: readonly string[]): void {
  if (presets.includes(preset)) return;
  const hint =
    presets.length > 0
      ? `The presets here are ${presets.join(', ')}. The configuration (presets) can name more.`
      : 'This box has none: its configuration (presets) names them.';
  throw new Problem('invalid-request', `There is no preset ${preset} on this box.`, {
    hint,
    errors: [{ at: 'body/preset', message: hint }],
  });
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
        response: { 200: channelSchema, '4xx': problemResponse },
      },
    },
    async (request) => {
      const row = await channelNamed(request.params.name, context);
      ownerOnly(request.identity, row.ownerId, 'the channel');
      const streamKey = newStreamKey();
      const verdict = await context.catalog.append(entryOf('channel.key-rotated', { name: row.name, streamKey }));
      if (!verdict.applied) throw noSuchChannel(row.name);
      await context.onChannelStopped(row.name, 'key-rotated');
      return viewOf(await channelNamed(row.name, context), request, context);
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

function viewOf(row: Omit<ChannelRow, 'createdAt'>, { identity, base }: FastifyRequest, context: ApiContext) {
  return channelView(row, {
    base,
    owner: owns(identity, row.ownerId),
    live: context.isChannelLive(row.name),
    addresses: context.pushAddresses(),
  });
}
