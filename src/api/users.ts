import { z } from 'zod';
import type { ApiApp, ApiContext } from './api-app.js';
import { OPERATOR, operatorOnly } from './auth.js';
import { Problem, problemResponse } from './problem.js';
import { entryOf, newUserId } from './random-names.js';
import { signInUrl } from './reached.js';

const userName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    'a name is up to 63 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit',
  );
const role = z.enum(['operator', 'creator', 'viewer']);
const user = z.object({ id: z.string(), name: z.string(), role });
const link = { signInUrl: z.string().describe('opens the web page signed in; works once, within 24 hours') };

/** Users, for the operator. */
export function addUserRoutes(app: ApiApp, context: ApiContext): void {
  addCreation(app, context);
  addListing(app, context);
  addLinks(app, context);
}

function addCreation(app: ApiApp, { auth, catalog }: ApiContext): void {
  app.post(
    '/v1/users',
    {
      schema: {
        summary: 'Create a user',
        description: 'For the operator. Creators upload and make channels, viewers watch.',
        tags: ['users'],
        body: z.strictObject({ name: userName, role: role.default('creator') }),
        response: {
          201: user.extend({ ...link, token: z.string().describe('for programs; good for a year') }),
          '4xx': problemResponse,
        },
      },
    },
    async (request, reply) => {
      operatorOnly(request.identity);
      const { name, role } = request.body;
      const userId = newUserId();
      if (name === OPERATOR.name) throw taken(name);
      const verdict = await catalog.append(entryOf('user.created', { userId, name, role }));
      if (!verdict.applied) throw taken(name);
      const token = await auth.programToken(userId);
      reply.code(201);
      return { id: userId, name, role, signInUrl: signInUrl(request.base, auth.codes.issue(userId)), token };
    },
  );
}

const taken = (name: string): Problem => new Problem('name-taken', `There is a user ${name} already.`);

function addListing(app: ApiApp, { catalog }: ApiContext): void {
  app.get(
    '/v1/users',
    {
      schema: {
        summary: 'List the users, in the order of their names',
        tags: ['users'],
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(1000).default(1000),
          after: z.string().max(200).optional().describe('`next` of the page before'),
        }),
        response: { 200: z.object({ users: z.array(user), next: z.string().nullable() }), '4xx': problemResponse },
      },
    },
    async (request) => {
      operatorOnly(request.identity);
      const { limit, after } = request.query;
      const rows = await catalog.users({ limit, ...(after === undefined ? {} : { after }) });
      const users = rows.map(({ id, name, role }) => ({ id, name, role }));
      return { users, next: rows.length === limit ? (rows.at(-1)?.name ?? null) : null };
    },
  );
}

function addLinks(app: ApiApp, { auth, catalog }: ApiContext): void {
  app.post(
    '/v1/users/:name/sign-in-link',
    {
      schema: {
        summary: 'Make a one-time sign-in link',
        description: 'For the operator; the name `operator` stands for whoever holds the operator token.',
        tags: ['users'],
        params: z.object({ name: userName }),
        response: { 200: z.object(link), '4xx': problemResponse },
      },
    },
    async (request) => {
      operatorOnly(request.identity);
      const { name } = request.params;
      const userId = name === OPERATOR.name ? OPERATOR.userId : (await catalog.userByName(name))?.id;
      if (userId === undefined) throw new Problem('not-found', `There is no user ${name}.`);
      return { signInUrl: signInUrl(request.base, auth.codes.issue(userId)) };
    },
  );
}
