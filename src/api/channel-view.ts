import { z } from 'zod';
import { DVR_SEC_MAX, GRACE_SEC_MAX, PRESET_NAME, SRT_PASSPHRASE } from '../media/channel-settings.js';
import { CHANNEL_NAME } from '../media/media-path.js';
import type { ChannelRow } from './api-catalog.js';
import { channelUrls, type PushAddresses, pushUrls } from './reached.js';

export const channelName = z
  .string()
  .regex(CHANNEL_NAME, 'a channel name is up to 63 of a-z, 0-9 and dash, and begins with a letter or digit');

export const channelSettings = z.object({
  preset: z
    .string()
    .regex(PRESET_NAME, 'not the name of a preset')
    .nullable()
    .describe("the name of a ladder preset; null: the box's choice"),
  graceSec: z
    .number()
    .int()
    .min(0)
    .max(GRACE_SEC_MAX)
    .nullable()
    .describe('seconds for which a publisher who left may come back and go on; null: as the box is set'),
  onLoss: z
    .enum(['slate', 'hold'])
    .nullable()
    .describe('what viewers get meanwhile: a picture that says so, or nothing new; null: as the box is set'),
  srtPassphrase: z
    .string()
    .regex(SRT_PASSPHRASE, 'a passphrase has 10 to 79 printable ASCII characters')
    .nullable()
    .describe('SRT publishers must encrypt with this; null: they need not'),
  dvrSec: z
    .number()
    .int()
    .min(0)
    .max(DVR_SEC_MAX)
    .nullable()
    .describe('seconds that viewers may go back while it is live; null: as the box is set'),
  archive: z
    .boolean()
    .nullable()
    .describe('whether a broadcast becomes a video when it is over; null: as the box is set'),
});

const ownersOnly = 'for the owner and the operator';

export const channelSchema = z.object({
  name: z.string(),
  live: z.boolean(),
  hlsUrl: z.string(),
  dashUrl: z.string(),
  watchUrl: z.string(),
  streamKey: z.string().optional().describe("the channel's one secret; for its owner and the operator"),
  rtmpUrl: z.string().optional().describe('where to push, the key included; for the owner and the operator'),
  rtmpsUrl: z.string().optional().describe(`the same over TLS, where the box takes it; ${ownersOnly}`),
  srtUrl: z.string().optional().describe(`key and passphrase included, where the box takes SRT; ${ownersOnly}`),
  whipUrl: z
    .string()
    .optional()
    .describe(`where the box takes WHIP; the stream key is the bearer token; ${ownersOnly}`),
  settings: channelSettings
    .optional()
    .describe(`${ownersOnly}; they act from the next broadcast on, the passphrase from the next connection`),
  revision: z
    .number()
    .int()
    .optional()
    .describe('counts changes; give it back with a change to be refused if somebody was faster'),
});

export interface ChannelViewer {
  readonly base: string;
  /** Whether the caller owns the channel or the box. */
  readonly owner: boolean;
  readonly live: boolean;
  readonly addresses: PushAddresses;
}

/** What this caller may see of a channel. */
export function channelView(
  { name, streamKey, settings, revision }: Omit<ChannelRow, 'createdAt'>,
  { base, owner, live, addresses }: ChannelViewer,
): z.infer<typeof channelSchema> {
  const seen = { name, live, ...channelUrls(base, name) };
  if (!owner) return seen;
  const passphrase = settings.srtPassphrase;
  return { ...seen, streamKey, ...pushUrls({ base, addresses, streamKey, passphrase }), settings, revision };
}
