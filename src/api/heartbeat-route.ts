import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { VIDEO_ID } from '../media/media-path.js';
import type { ApiApp, ApiContext } from './api-app.js';
import type { Heartbeats } from './heartbeats.js';
import { Problem, problemResponse } from './problem.js';
import { callerAddress } from './reached.js';

const KNOWN_MAX = 2000;
const KNOWN_MS = 60_000;

/** Where players tell how it goes. The catalog is asked once a minute and video whether there is such a video, not with each beat. */
export function addHeartbeatRoute(app: ApiApp, { catalog }: ApiContext, heartbeats: Heartbeats): void {
  const known = new LRUCache<string, boolean>({ max: KNOWN_MAX, ttl: KNOWN_MS });
  const isReady = async (videoId: string): Promise<boolean> => {
    const ready = known.get(videoId) ?? (await catalog.video(videoId))?.status === 'ready';
    known.set(videoId, ready, { noUpdateTTL: true });
    return ready;
  };
  app.post(
    '/v1/videos/:id/heartbeat',
    {
      schema: {
        summary: 'Tell where a viewer is and how often playback stalled',
        description:
          'Sent by players every few seconds. Rolled up in memory; a crash of the box loses at most a minute.',
        tags: ['videos'],
        params: z.object({ id: z.string().regex(VIDEO_ID) }),
        body: z.strictObject({
          progress_sec: z.number().min(0).max(1_000_000).describe('seconds into the video'),
          buffer_events: z.number().int().min(0).max(10_000).describe('stalls since the last heartbeat'),
        }),
        response: { 204: z.null().describe('noted'), '4xx': problemResponse },
      },
    },
    async (request, reply) => {
      const { id: videoId } = request.params;
      if (!(await isReady(videoId))) throw new Problem('not-found', `There is no video ${videoId} to watch.`);
      const userId = request.identity?.userId ?? null;
      const address = callerAddress(request.headers, request.socket.remoteAddress ?? '');
      const viewer = userId ?? `${address} ${request.headers['user-agent'] ?? ''}`;
      const { progress_sec: progressSec, buffer_events: bufferEvents } = request.body;
      heartbeats.record({ videoId, viewer, userId, progressSec, bufferEvents });
      return reply.code(204).send(null);
    },
  );
}
