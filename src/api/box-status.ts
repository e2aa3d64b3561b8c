import { z } from 'zod';

const amount = z.number().nonnegative();

const liveChannel = z.object({
  channel: z.string(),
  broadcastId: z.string(),
  protocol: z.string(),
  startedAt: z.number().describe('epoch ms'),
  bytes: amount.describe('what the publisher has sent'),
  renditions: z.array(z.string()).readonly(),
  speed: z.number().nullable().describe('of the encoder; below 1 it falls behind'),
  fps: z.number().nullable(),
  restarts: amount.describe('how often its encoder was started again'),
});

export const boxStatus = z
  .object({
    version: z.string(),
    uptimeSec: amount,
    live: z.array(liveChannel).readonly(),
    jobs: z.object({ queued: amount, processing: amount, done: amount, failed: amount }),
    videos: z.object({ uploading: amount, transcoding: amount, ready: amount, failed: amount }),
    cache: z.object({
      hits: amount,
      misses: amount,
      hitRatio: z.number().nullable().describe('0 to 1; null before the first request'),
      memoryBytes: amount,
      objects: amount,
    }),
  })
  .describe('what the box is doing');

export type BoxStatus = z.infer<typeof boxStatus>;
