import { z } from 'zod';
import {
  RESTREAM_NAME,
  RESTREAM_URL_MAX,
  RESTREAMS_MAX,
  readRestreamUrl,
  shownRestreamUrl,
} from '../media/restream-address.js';
import type { ApiApp, ApiContext, RestreamStatus } from './api-app.js';
import type { ChannelRow, RestreamRow } from './api-catalog.js';
import { type Identity, ownerOnly } from './auth.js';
import { channelName } from './channel-view.js';
import { Problem, problemResponse } from './problem.js';
import { entryOf } from './random-names.js';
import { restreamSchema } from './restream-view.js';

const params = z.object({ name: channelName });
const targetName = z
  .string()
  .regex(RESTREAM_NAME, 'a name is up to 63 of a-z, 0-9 and dash, and begins with a letter or digit');

/** Where a channel is sent on to: for its owner and the operator. */
export function addRestreamRoutes(app: ApiApp, context: ApiContext): void {
  addListing(app, context);
  addAddition(app, context);
  addRemoval(app, context);
}

function addListing(app: ApiApp, context: ApiContext): void {
  app.get(
    '/v1/channels/:name/restreams',
    {
      schema: {
        summary: 'Where a channel is sent on to, and how that goes',
        description: 'For its owner and the operator. Stream keys and passphrases are masked.',
        tags: ['channels'],
        params,
        response: { 200: z.object({ restreams: z.array(restreamSchema) }), '4xx': problemResponse },
      },
    },
    async (request) => {
      const { name } = await ownedChannel(request.params.name, request.identity, context);
      const statuses = context.restreams.statuses(name);
      return { restreams: (await context.catalog.restreams(name)).map((row) => viewOf(row, statuses)) };
    },
  );
}

function addAddition(app: ApiApp, context: ApiContext): void {
  const body = z.strictObject({
    url: z
      .string()
      .min(1)
      .max(RESTREAM_URL_MAX)
      .describe('rtmp://HOST/APP/KEY, rtmps://HOST/APP/KEY or srt://HOST:PORT?streamid=…&passphrase=…&latency=MS'),
    name: targetName.optional().describe('what it is called from then on; left out: made from the host'),
  });
  app.post(
    '/v1/channels/:name/restreams',
    {
      schema: {
        summary: 'Send a channel on to another server',
        description: `At once where it is live. At most ${RESTREAMS_MAX} targets a channel.`,
        tags: ['channels'],
        params,
        body,
        response: { 201: restreamSchema, '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      const { name: channel } = await ownedChannel(request.params.name, request.identity, context);
      const { url } = request.body;
      await checkUrl(url, request.identity, context);
      const name = request.body.name ?? freeName(url, await context.catalog.restreams(channel));
      const verdict = await context.catalog.append(entryOf('channel.restream-added', { channel, name, url }));
      if (!verdict.applied) throw refusal(verdict.reason, channel, name);
      reply.code(201);
      return viewOf({ name, url }, context.restreams.statuses(channel));
    },
  );
}

function addRemoval(app: ApiApp, context: ApiContext): void {
  app.delete(
    '/v1/channels/:name/restreams/:target',
    {
      schema: {
        summary: 'Send a channel to a server no more',
        description: 'At once where it is live.',
        tags: ['channels'],
        params: params.extend({ target: targetName }),
        response: { 204: z.null().describe('removed'), '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      const { name: channel } = await ownedChannel(request.params.name, request.identity, context);
      const { target: name } = request.params;
      const verdict = await context.catalog.append(entryOf('channel.restream-removed', { channel, name }));
      if (!verdict.applied) throw new Problem('not-found', `The channel ${channel} has no target ${name}.`);
      return reply.code(204).send(null);
    },
  );
}

async function ownedChannel(name: string, identity: Identity | null, { catalog }: ApiContext): Promise<ChannelRow> {
  const row = await catalog.channel(name);
  if (row === null) throw new Problem('not-found', `There is no channel ${name}.`);
  ownerOnly(identity, row.ownerId, 'the channel');
  return row;
}

/** Its words never repeat the address, which holds a secret. */
async function checkUrl(url: string, identity: Identity | null, { restreams }: ApiContext): Promise<void> {
  const reading = readRestreamUrl(url);
  if (!reading.ok) throw invalid(reading.problem);
  const place = await restreams.placeOf(reading.address);
  if (place === 'this-box')
    throw invalid('The target is this box itself: a channel would come back to where it came from.');
  if (place === 'private' && identity?.role !== 'operator') {
    throw new Problem('forbidden', 'The target is on a private network: only the operator may name such a one.');
  }
}

const invalid = (message: string): Problem =>
  new Problem('invalid-request', message, { errors: [{ at: 'body/url', message }] });

function refusal(reason: string, channel: string, name: string): Problem {
  if (reason === 'absent') return new Problem('not-found', `There is no channel ${channel}.`);
  if (reason === 'exists') {
    return new Problem('name-taken', `The channel ${channel} has a target ${name} already.`, {
      hint: 'Give it another name.',
    });
  }
  const hint = 'Remove one first.';
  return new Problem(
    'too-many-targets',
    `The channel ${channel} has ${RESTREAMS_MAX} targets, and may not have more.`,
    { hint },
  );
}

/** `live.example.com` → `live-example-com`, or with a number where that is taken. */
function freeName(url: string, rows: readonly RestreamRow[]): string {
  const reading = readRestreamUrl(url);
  const host = reading.ok ? reading.address.host : '';
  const base =
    host
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, NAME_BASE_MAX) || 'target';
  const taken = new Set(rows.map(({ name }) => name));
  let name = base;
  for (let n = 2; taken.has(name); n += 1) name = `${base}-${n}`;
  return name;
}

const NAME_BASE_MAX = 48;

function viewOf({ name, url }: Pick<RestreamRow, 'name' | 'url'>, statuses: readonly RestreamStatus[]) {
  const status = statuses.find((each) => each.name === name);
  if (status !== undefined) return status;
  const reading = readRestreamUrl(url);
  const shown = reading.ok ? shownRestreamUrl(reading.address) : '';
  return {
    name,
    url: shown,
    state: 'off' as const,
    since: null,
    bitrate: null,
    restarts: 0,
    droppedFrames: 0,
    error: null,
  };
}
