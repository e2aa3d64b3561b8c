import { resolve } from 'node:path';
import { z } from 'zod';
import { DVR_SEC_MAX, GRACE_SEC_MAX, PRESET_NAME } from '../media/channel-settings.js';
import { DEFAULT_PRESET } from '../transcode/presets.js';
import { readAddress } from './address.js';
import { edgeGates, trustedProxies } from './edge-gates-schema.js';
import { presetsSchema } from './preset-schema.js';

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

const optionalListen = (fallback: string | null, example: string) =>
  z
    .string()
    .refine((text) => readAddress(text) !== null)
    .nullable()
    .describe(`ADDR:PORT, for example ${example}, or null`)
    .default(fallback);

const whole = (fallback: number, min: number, max: number, unit: string) =>
  z.int().min(min).max(max).describe(`a whole number of ${unit} from ${min} to ${max}`).default(fallback);

const unitBytes: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** `256MiB` → bytes; null when it is no size. */
export function readBytes(text: string): number | null {
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

const diskBytesMin = 16 * 2 ** 20;

/** `DIR:SIZE`, or both by name. */
const cacheDisk = z
  .union([
    z.strictObject({ path: z.string().min(1), size: z.string() }),
    z.string().transform((text) => {
      const at = text.lastIndexOf(':');
      return { path: text.slice(0, Math.max(0, at)), size: text.slice(at + 1) };
    }),
  ])
  .transform(({ path, size }) => ({ folder: path, bytesMax: readBytes(size) ?? 0 }))
  .refine(({ folder, bytesMax }) => folder !== '' && bytesMax >= diskBytesMin);

const httpUrl = z
  .url({ protocol: /^https?$/ })
  .transform((text) => text.replace(/\/+$/, ''))
  .nullable()
  .describe('an http:// or https:// address, or null')
  .default(null);

/** One of several servers of the same content; a bare address has weight 1. */
const serverUrl = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/+$/, ''));
const upstreamServer = z.union([
  serverUrl.transform((url) => ({ url, weight: 1 })),
  z.strictObject({ url: serverUrl, weight: z.number().min(0.01).max(1000).default(1) }),
]);
const upstreamsMax = 32;

/** Where a webhook goes. Kept as it is: a slash at its end may mean something there. */
const hookUrl = z.url({ protocol: /^https?$/ }).max(2000);

const hookSecret = z.string().min(16).max(512);

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
    trustedProxies,
    proxyProtocol: z.boolean().describe('true or false').default(false),
  }),
  https: section({
    listen: optionalListen(null, '0.0.0.0:8443'),
    certFile: z.string().min(1).nullable().describe('a PEM file, or null').default(null),
    keyFile: z.string().min(1).nullable().describe('a PEM file, or null').default(null),
  }),
  https1: section({ listen: optionalListen(null, '0.0.0.0:9443') }),
  rtmp: section({
    listen: listen('0.0.0.0:1935'),
    connectionsMax: whole(200, 1, 10_000, 'connections'),
    idleTimeoutSec: whole(15, 2, 600, 'seconds'),
  }),
  rtmps: section({
    listen: optionalListen(null, '0.0.0.0:1936'),
    certFile: z.string().min(1).nullable().describe('a PEM file, or null').default(null),
    keyFile: z.string().min(1).nullable().describe('a PEM file, or null').default(null),
  }),
  srt: section({
    listen: optionalListen('0.0.0.0:8890', '0.0.0.0:8890'),
    latencyMs: whole(200, 20, 8000, 'milliseconds'),
    connectionsMax: whole(200, 1, 10_000, 'connections'),
    idleTimeoutSec: whole(15, 2, 600, 'seconds'),
  }),
  webrtc: section({
    listen: optionalListen('0.0.0.0:8189', '0.0.0.0:8189'),
    sessionsMax: whole(50, 1, 1000, 'sessions'),
    publicAddresses: z
      .array(z.union([z.ipv4(), z.ipv6()]))
      .max(8)
      .describe('a list of at most 8 IP addresses')
      .default([]),
    bitrateMaxKbps: whole(8000, 300, 100_000, 'kilobits per second'),
  }),
  hooks: section({
    authorize: section({
      url: hookUrl.nullable().describe('an http:// or https:// address, or null').default(null),
      secret: hookSecret.nullable().describe('a text of 16 to 512 characters, or null').default(null),
      timeoutMs: whole(3000, 100, 8000, 'milliseconds'),
      onFailure: z.enum(['deny', 'allow']).describe('deny or allow').default('deny'),
    }),
    events: z
      .array(
        z.strictObject({
          url: hookUrl.describe('an http:// or https:// address'),
          secret: hookSecret.describe('a text of 16 to 512 characters'),
          events: z
            .array(z.enum(['started', 'stopped', 'failed-over', 'archived']))
            .min(1)
            .nullable()
            .describe('a list of started, stopped, failed-over, archived, or null for all')
            .default(null),
        }),
      )
      .max(16)
      .refine((targets) => new Set(targets.map(({ url }) => url)).size === targets.length)
      .describe('a list of at most 16 receivers, each with its own url, a secret, and the events that it wants')
      .default([]),
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
  presets: presetsSchema,
  live: section({
    preset: z.string().regex(PRESET_NAME).describe('the name of a preset').default(DEFAULT_PRESET),
    segmentSec: whole(2, 1, 10, 'seconds'),
    partMs: whole(200, 100, 1000, 'milliseconds'),
    lowLatency: z.boolean().describe('true or false').default(true),
    windowSegments: whole(8, 4, 120, 'segments'),
    endedRetentionMin: whole(30, 1, 1440, 'minutes'),
    mpegTs: z.boolean().describe('true or false').default(false),
    spoolBytesMax: bytes('20GiB'),
    dvrSec: whole(7200, 0, DVR_SEC_MAX, 'seconds'),
    archive: z.boolean().describe('true or false').default(true),
    graceSec: whole(30, 0, GRACE_SEC_MAX, 'seconds'),
    onLoss: z.enum(['slate', 'hold']).describe('slate or hold').default('slate'),
    slate: z.string().min(1).nullable().describe('the path of a PNG or JPEG picture, or null').default(null),
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
    hardware: z.enum(['auto', 'off']).describe('auto or off').default('auto'),
  }),
  edge: section({
    threads: z
      .int()
      .min(1)
      .max(64)
      .nullable()
      .describe('a whole number of threads from 1 to 64, or null')
      .default(null),
    memory: bytes('256MiB'),
    disks: z
      .array(cacheDisk)
      .max(16)
      .refine((disks) => new Set(disks.map(({ folder }) => resolve(folder))).size === disks.length)
      .describe('a list of at most 16 folders, each once, with sizes from 16MiB: DIR:SIZE, or {path: DIR, size: SIZE}')
      .default([]),
    origin: httpUrl,
    upstreams: z
      .array(upstreamServer)
      .max(upstreamsMax)
      .refine((list) => new Set(list.map(({ url }) => url)).size === list.length)
      .describe(
        `a list of at most ${upstreamsMax} different http:// or https:// addresses, each alone or as { url: …, weight: … } with a weight from 0.01 to 1000`,
      )
      .default([]),
    health: section({
      failures: whole(5, 1, 1000, 'failures'),
      outSec: whole(10, 1, 3600, 'seconds'),
      slowStartSec: whole(30, 0, 3600, 'seconds'),
      gatewayErrors: z.boolean().describe('true or false').default(true),
      probePath: z
        .string()
        .regex(/^\/[\x21-\x7e]*$/)
        .max(2000)
        .nullable()
        .describe('a path that begins with a slash, or null')
        .default(null),
      probeIntervalSec: whole(5, 1, 3600, 'seconds'),
    }),
    api: httpUrl,
    anyOrigin: z.boolean().describe('true or false').default(false),
    staleIfErrorSec: z
      .int()
      .min(0)
      .max(604_800)
      .nullable()
      .describe('a whole number of seconds from 0 to 604800, or null')
      .default(null),
    prefetch: z.boolean().nullable().describe('true, false or null').default(null),
    followPurges: z.boolean().describe('true or false').default(false),
    ...edgeGates,
  }),
  api: section({ listen: listen('127.0.0.1:0') }),
  origin: section({ listen: listen('127.0.0.1:0') }),
});

export type Settings = z.output<typeof settingsSchema>;
export type Role = (typeof roleNames)[number];
