import { z } from 'zod';
import { PRESET_NAME } from '../media/channel-settings.js';
import { type Preset, SHIPPED_PRESETS } from '../transcode/presets.js';

/** Named ladders as an operator writes them down. What is shipped stays, unless one of the same name replaces it. */
const bitrate = z
  .int()
  .min(16_000)
  .max(100_000_000)
  .describe('a whole number of bits per second from 16000 to 100000000');

const encodedRung = z.strictObject({
  height: z.int().min(90).max(2160).describe('a whole number of lines from 90 to 2160'),
  bitrate: bitrate.optional(),
  codec: z.enum(['h264', 'hevc', 'av1']).describe('h264, hevc or av1').optional(),
});
const passedRung = z.strictObject({ passthrough: z.literal(true) });

const rungs = z
  .array(z.union([passedRung, encodedRung]))
  .max(8)
  .refine((list) => list.slice(1).every((rung) => !('passthrough' in rung)), 'only the first rung is passed through')
  // Players must find something that all of them decode.
  .refine(
    (list) => list.length === 0 || list.some((rung) => 'passthrough' in rung || (rung.codec ?? 'h264') === 'h264'),
  );

const preset = z
  .strictObject({
    video: z.union([z.literal('auto'), rungs]),
    audio: z.union([z.literal(false), z.strictObject({ bitrate, passthrough: z.boolean().optional() })]),
  })
  .refine(({ video, audio }) => audio !== false || video.length > 0, 'neither picture nor sound');

export const presetsSchema = z
  .record(z.string().regex(PRESET_NAME), preset)
  .prefault({})
  .transform((own): Readonly<Record<string, Preset>> => ({ ...SHIPPED_PRESETS, ...own }))
  .describe(
    'a map of names, each with `video` (auto, or a list of at most 8 rungs, highest first: {passthrough: true} or {height, bitrate, codec}, one of them h264) and `audio` ({bitrate, passthrough} or false)',
  );
