import { z } from 'zod';
import { vodPath } from '../media/media-path.js';
import type { ApiApp, ApiContext } from './api-app.js';
import { problemResponse } from './problem.js';

const querystring = z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(100) });

/** What an edge may fetch ahead (`headwater edge prefill --popular`). */
export function addPopularRoute(app: ApiApp, { catalog }: ApiContext): void {
  app.get(
    '/v1/popular',
    {
      schema: {
        summary: 'The HLS playlists of the videos watched most',
        description: 'Text, one path a line, the most watched first.',
        tags: ['videos'],
        querystring,
        response: { 200: z.string(), '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      const ids = await catalog.popularVideos(request.query.limit);
      return reply.type('text/plain; charset=utf-8').send(ids.map((id) => `${vodPath.hls(id)}\n`).join(''));
    },
  );
}
