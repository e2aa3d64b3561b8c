import { z } from 'zod';
import type { ApiApp, ApiContext } from './api-app.js';
import { Attempts } from './attempts.js';
import { type Identity, signedIn } from './auth.js';
import { Problem, problemResponse } from './problem.js';
import { callerAddress } from './reached.js';

const person = z.object({ id: z.string(), name: z.string(), role: z.enum(['operator', 'creator', 'viewer']) });

const personOf = ({ userId, name, role }: Identity) => ({ id: userId, name, role });

/** Signing in with a one-time code, signing out, and who one is. */
export function addSessionRoutes(app: ApiApp, { auth }: ApiContext): void {
  const attempts = new Attempts();
  app.post(
    '/v1/auth/sign-in',
    {
      schema: {
        summary: 'Exchange a one-time code for a session',
        description:
          'Sets the session cookie; the token in the answer does the same as a bearer. A code works once, for 24 hours.',
        tags: ['sessions'],
        body: z.strictObject({ code: z.string().min(1).max(200) }),
        response: { 200: z.object({ user: person, token: z.string() }), '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      const address = callerAddress(request.headers, request.socket.remoteAddress ?? '');
      if (!attempts.allowed(address)) throw tooManyAttempts();
      const userId = auth.codes.redeem(request.body.code);
      const identity = userId === null ? null : await auth.person(userId);
      if (identity === null) {
        attempts.failed(address);
        throw usedUp();
      }
      const { token, cookie } = await auth.session(identity.userId, request.headers);
      reply.header('set-cookie', cookie);
      return { user: personOf(identity), token };
    },
  );
  app.post(
    '/v1/auth/sign-out',
    {
      schema: {
        summary: 'Forget the session cookie',
        tags: ['sessions'],
        response: { 204: z.null().describe('signed out'), '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      reply.header('set-cookie', auth.endSession(request.headers));
      return reply.code(204).send(null);
    },
  );
  app.get(
    '/v1/auth/me',
    {
      schema: {
        summary: 'Who is signed in',
        tags: ['sessions'],
        response: { 200: z.object({ user: person }), '4xx': problemResponse },
      },
    },
    async (request) => ({ user: personOf(signedIn(request.identity)) }),
  );
}

const tooManyAttempts = (): Problem =>
  new Problem('too-many-requests', 'Too many attempts to sign in failed.', {
    hint: 'Wait a minute.',
    headers: { 'Retry-After': '60' },
  });

const usedUp = (): Problem =>
  new Problem('bad-code', 'The code is not known, was used already, or has expired.', {
    hint: 'Ask for a new link: headwater user link NAME.',
  });
