import { z } from 'zod';
import type { PackagedRendition } from '../media/packaged-rendition.js';
import type { Rendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';

/** The media words that entries carry, checked as strictly as the entries themselves (entries.ts). */
const whole = z.number().int().nonnegative();
const amount = z.number().nonnegative();
const codecName = z.string().min(1).max(64);

export const sourceFacts: z.ZodType<SourceFacts> = z.strictObject({
  video: z
    .strictObject({
      codec: codecName,
      width: whole,
      height: whole,
      rotation: z.literal([0, 90, 180, 270]),
      sampleAspectRatio: amount,
      frameRate: amount.nullable(),
      interlaced: z.boolean(),
      hdr: z.boolean(),
    })
    .nullable(),
  audio: z.strictObject({ codec: codecName, sampleRate: whole, channels: whole }).nullable(),
});

const renditionId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/);

export const rendition: z.ZodType<Rendition> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('video'),
    id: renditionId,
    width: whole,
    height: whole,
    frameRate: amount,
    bitrate: amount,
    maxBitrate: amount,
  }),
  z.strictObject({ kind: z.literal('audio'), id: renditionId, bitrate: amount, sampleRate: whole, channels: whole }),
]);

export const packagedRendition: z.ZodType<PackagedRendition> = z.strictObject({
  rendition,
  prefix: z.string().min(1).max(512).endsWith('/'),
  codecs: z.string().min(1).max(256),
  bandwidth: amount,
  averageBandwidth: amount,
  timescale: z.number().int().positive(),
  // 100,000 two-second segments are more than two days of video.
  segments: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
        start: z.number(),
        duration: amount,
        bytes: amount,
      }),
    )
    .max(100_000),
});
