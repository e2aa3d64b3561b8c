import { z } from 'zod';

/** How it goes with one target of a channel. */
export const restreamSchema = z.object({
  name: z.string(),
  url: z.string().describe('without its secrets'),
  state: z
    .enum(['off', 'connecting', 'sending', 'waiting', 'unsupported'])
    .describe(
      'off: the channel is not live; waiting: before it is tried again; unsupported: the target cannot take this source',
    ),
  since: z.number().nullable().describe('when it came into this state, epoch ms; null when off'),
  bitrate: z.number().nullable().describe('bits per second; null while nothing is sent'),
  restarts: z.number().int().describe('connections that failed or broke off in this broadcast'),
  droppedFrames: z.number().int().describe('left out because the target was too slow'),
  error: z.string().nullable().describe('why it does not send, or why it last did not'),
});
