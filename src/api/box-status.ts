import { z } from 'zod';
import { restreamSchema } from './restream-view.js';

const amount = z.number().nonnegative();

const link = z
  .object({
    rttMs: amount.nullable(),
    lossRatio: amount.nullable().describe('0 to 1: packets that were missing at first'),
    retransmits: amount.nullable().describe('packets sent again so far'),
    bitrate: amount.nullable().describe('bits per second now'),
  })
  .describe("the publisher's network; each is null where its protocol does not measure it");

const liveSource = z.object({
  role: z.enum(['primary', 'backup']),
  protocol: z.string(),
  remoteAddress: z.string(),
  onAir: z.boolean(),
  link: link.nullable(),
});

const liveChannel = z.object({
  channel: z.string(),
  broadcastId: z.string(),
  protocol: z.string(),
  state: z
    .enum(['live', 'slate', 'holding'])
    .describe('what viewers get: a publisher, the slate, or nothing new until a publisher is back'),
  sources: z.array(liveSource).readonly(),
  startedAt: z.number().describe('epoch ms'),
  bytes: amount.describe('what the publisher has sent'),
  renditions: z.array(z.string()).readonly(),
  speed: z.number().nullable().describe('of the encoder; below 1 it falls behind'),
  fps: z.number().nullable(),
  restarts: amount.describe('how often its encoder was started again'),
  restreams: z.array(restreamSchema).readonly().describe('where the channel is sent on to'),
});

export const boxStatus = z
  .object({
    version: z.string(),
    uptimeSec: amount,
    live: z.array(liveChannel).readonly(),
    notRunning: z
      .array(z.object({ part: z.string(), reason: z.string() }))
      .readonly()
      .describe('what is switched on and yet does not run on this machine'),
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
