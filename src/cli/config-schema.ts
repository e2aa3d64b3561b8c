import { z } from 'zod';
import { readAddress } from './address.js';

/**
 * Every setting, its default and what is allowed. `config/headwater.yaml` is the same list with comments for people;
 * a test keeps the two alike. Each leaf's description is the "allowed" part of the error that a bad value gets.
 */
const roleNames = ['ingest', 'transcode', 'origin', 'edge', 'api'] as const;

const listen = (fallback: string) =>
  z
    .string()
    .refine((text) => readAddress(text) !== null)
    .describe('ADDR:PORT, for example 0.0.0.0:8080 or [::1]:8080; port 0 asks for a free one')
    .default(fallback);

const whole = (fallback: number, min: number, max: number, unit: string) =>
  z.int().min(min).max(max).describe(`a whole number of ${unit} from ${min} to ${max}`).default(fallback);

const unitBytes: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** `256MiB` → bytes; null when it is no size. */
function readBytes(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)$/.exec(text);
  const unit = unitBytes[match?.[2] ?? ''];
  return match && unit ? Math.round(Number(match[1]) * unit) : null;
}

const bytes = (fallback: string) =>
  z
    .string()
    .refine((text) => readBytes(text) !== null)
    .describe('a size with its unit, for example 256MiB, 64GiB')
    .default(fallback)
    .transform((text) => readBytes(text) ?? 0);

const httpUrl = z
  .url({ protocol: /^https?$/ })
  .transform((text) => text.replace(/\/+$/, ''))
  .nullable()
  .describe('an http:// or https:// address, or null')
  .default(null);

const section = <Shape extends z.core.$ZodLooseShape>(shape: Shape) => z.strictObject(shape).prefault({} as never);

export const settingsSchema = z.strictObject({
  roles: z
    .array(z.enum(roleNames))
    .min(1)
    .describe(`a list of ${roleNames.join(', ')}`)
    .default([...roleNames]),
  data: z.string().min(1).describe('a folder').default('./var'),
  publicUrl: httpUrl,
  http: section({
    listen: listen('0.0.0.0:8080'),
    engine: z.enum(['auto', 'uws', 'node']).describe('auto, uws or node').default('auto'),
    idleTimeoutSec: whole(60, 5, 600, 'seconds'),
  }),
  rtmp: section({
    listen: listen('0.0.0.0:1935'),
    connectionsMax: whole(200, 1, 10_000, 'connections'),
    idleTimeoutSec: whole(15, 2, 600, 'seconds'),
  }),
  admin: section({ listen: listen('127.0.0.1:9180') }),
  log: section({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .describe('trace, debug, info, warn, error or silent')
      .default('info'),
  }),
  upload: section({
    bytesMax: bytes('64GiB'),
    expireHours: whole(24, 1, 720, 'hours'),
    audioOnly: z.boolean().describe('true or false').default(false),
  }),
  live: section({
    segmentSec: whole(2, 1, 10, 'seconds'),
    windowSegments: whole(8, 4, 120, 'segments'),
    endedRetentionMin: whole(30, 1, 1440, 'minutes'),
    spoolBytesMax: bytes('20GiB'),
  }),
  transcode: section({
    ffmpeg: z.string().min(1).describe('a program name or path').default('ffmpeg'),
    vodConcurrency: whole(1, 1, 64, 'jobs at once'),
    pixelsPerSecond: z
      .int()
      .min(100_000)
      .max(100_000_000_000)
      .nullable()
      .describe('a whole number of pixels per second from 100000, or null to measure')
      .default(null),
  }),
  edge: section({
    memory: bytes('256MiB'),
    origin: httpUrl,
    api: httpUrl,
  }),
  api: section({ listen: listen('127.0.0.1:0') }),
  origin: section({ listen: listen('127.0.0.1:0') }),
});

export type Settings = z.output<typeof settingsSchema>;
export type Role = (typeof roleNames)[number];
