import { z } from 'zod';
import { DVR_SEC_MAX, GRACE_SEC_MAX, PRESET_NAME, SRT_PASSPHRASE } from '../media/channel-settings.js';
import { BROADCAST_ID, CHANNEL_NAME, VIDEO_ID } from '../media/media-path.js';
import type { Rendition } from '../media/rendition.js';
import { RESTREAM_NAME, RESTREAM_URL_MAX } from '../media/restream-address.js';
import type { SourceFacts } from '../media/source-facts.js';
import { Failure } from '../telemetry/failure.js';
import { packagedRendition, rendition, sourceFacts } from './entry-media.js';
import type { MetadataFailure } from './failures.js';

/**
 * The words of the log. An entry is `{ id, v, type, at, data }`: idempotent by `id`, and everything that apply needs is in
 * it, times (`at`, epoch ms) included, because apply reads no clock.
 *
 * Objects are strict: a field that this build does not know means that a newer one wrote it, and to drop it silently would
 * let replicas drift apart. What an entry means never changes; a new meaning is a new type or a higher `v`.
 */
const epochMs = z.number().int().nonnegative();
const amount = z.number().nonnegative();
const count = z.number().int().nonnegative();
const userId = z.string().regex(/^u_[A-Za-z0-9_-]{1,64}$/);
const jobId = z.string().regex(/^j_[A-Za-z0-9_-]{1,80}$/);
const videoId = z.string().regex(VIDEO_ID);
const broadcastId = z.string().regex(BROADCAST_ID);
const channelName = z.string().regex(CHANNEL_NAME);
const streamKey = z.string().min(8).max(256);
const restreamName = z.string().regex(RESTREAM_NAME);
const restreamUrl = z
  .string()
  .max(RESTREAM_URL_MAX)
  .regex(/^(?:rtmps?|srt):\/\//i);
const objectKey = z.string().min(1).max(512);
const title = z.string().min(1).max(500);
const description = z.string().max(20_000);
const reason = z.string().min(1).max(4_000);
const token = z.number().int().positive();
const workerId = z.string().min(1).max(256);
const role = z.enum(['operator', 'creator', 'viewer']);
const channelSettings = z.strictObject({
  preset: z.string().regex(PRESET_NAME).nullable().optional(),
  graceSec: z.number().int().min(0).max(GRACE_SEC_MAX).nullable().optional(),
  onLoss: z.enum(['slate', 'hold']).nullable().optional(),
  srtPassphrase: z.string().regex(SRT_PASSPHRASE).nullable().optional(),
  dvrSec: z.number().int().min(0).max(DVR_SEC_MAX).nullable().optional(),
  archive: z.boolean().nullable().optional(),
});
const plannedJob = z.strictObject({ jobId, resolution: z.string().regex(/^[a-z0-9]{1,16}$/), rendition });

const dataSchemas = {
  /** The tables take the shape of schema `version` (schema.ts) at this very position, on every replica. */
  'schema.migrated': z.strictObject({ version: z.number().int().positive() }),

  'user.created': z.strictObject({ userId, name: z.string().min(1).max(200), role }),

  'channel.created': z.strictObject({ name: channelName, ownerId: userId, streamKey }),
  'channel.key-rotated': z.strictObject({ name: channelName, streamKey }),
  /** Changes the settings that are named; null: back to the box's own. With `revision`, only while it is still the channel's. */
  'channel.configured': z.strictObject({ name: channelName, settings: channelSettings, revision: count.optional() }),
  'channel.deleted': z.strictObject({ name: channelName }),
  'channel.restream-added': z.strictObject({ channel: channelName, name: restreamName, url: restreamUrl }),
  'channel.restream-removed': z.strictObject({ channel: channelName, name: restreamName }),

  /** `at` here is the broadcast's own time, epoch ms. */
  'broadcast.started': z.strictObject({ broadcastId, channel: channelName, at: epochMs }),
  'broadcast.ended': z.strictObject({ broadcastId, at: epochMs }),
  /** Everything of it that there is stands in the store under `live/<broadcastId>/`: it becomes a video, ready to play. */
  'broadcast.archived': z.strictObject({
    broadcastId,
    channel: channelName,
    videoId,
    title,
    durationSec: amount,
    sizeBytes: count,
    /** Of the object that says what there is. */
    key: objectKey,
    /** Something that was announced is missing. */
    incomplete: z.boolean(),
  }),

  /** The upload has begun; `sizeBytes` is what it announced. */
  'video.created': z.strictObject({ videoId, uploaderId: userId, title, description, sizeBytes: count }),
  'video.uploaded': z.strictObject({ videoId, rawKey: objectKey, sizeBytes: count }),
  'video.planned': z.strictObject({
    videoId,
    durationSec: amount,
    source: sourceFacts,
    jobs: z.array(plannedJob).min(1).max(256).readonly(),
  }),
  'video.poster': z.strictObject({ videoId, key: objectKey }),
  'video.failed': z.strictObject({ videoId, reason }),
  /** With `revision`, accepted only while it is still the video's. */
  'video.updated': z.strictObject({
    videoId,
    title: title.optional(),
    description: description.optional(),
    revision: count.optional(),
  }),
  'video.deleted': z.strictObject({ videoId }),

  /** Apply picks the job; the entry's position becomes the lease's token. */
  'job.claimed': z.strictObject({ workerId }),
  'job.renewed': z.strictObject({ jobId, token }),
  /** Whoever saw no renewal for the ttl may say so; accepted only if `token` and `renewal` are still the lease's. */
  'job.expired': z.strictObject({ jobId, token, renewal: count }),
  'job.completed': z.strictObject({ jobId, token, output: packagedRendition }),
  'job.failed': z.strictObject({ jobId, token, reason, retry: z.boolean() }),
  /** Its worker stops in good order: back into the queue, and it does not count as a try. */
  'job.released': z.strictObject({ jobId, token, reason }),

  /** One node's players in one minute. The catalog keeps the sums; beats and buffering stay in the log for analytics. */
  'heartbeats.recorded': z.strictObject({
    /** Minutes since the epoch, or epoch ms of the minute's start: a label, never computed with. */
    minute: count,
    videos: z
      .array(
        z.strictObject({
          videoId,
          views: count,
          beats: count,
          bufferEvents: count,
          watchers: z
            .array(z.strictObject({ userId, progressSec: amount }))
            .max(20_000)
            .readonly(),
        }),
      )
      .max(5_000)
      .readonly(),
  }),
} as const;

export type EntryType = keyof typeof dataSchemas;
export type EntryData<T extends EntryType> = z.infer<(typeof dataSchemas)[T]>;

interface EntryShape<T extends EntryType> {
  /** Unique for ever: appending the same id again changes nothing and answers with the first verdict. */
  readonly id: string;
  readonly v: 1;
  readonly type: T;
  /** When it was proposed, epoch ms. */
  readonly at: number;
  readonly data: EntryData<T>;
}

/** The discriminated union over `type`. */
export type Entry<T extends EntryType = EntryType> = { [K in T]: EntryShape<K> }[T];

/** What accepted entries answer with; types that are not here answer with nothing. */
interface EntryResults {
  /** The broadcasts that were still open on the channel and are now ended. */
  'channel.configured': { readonly revision: number };
  'channel.deleted': { readonly endedBroadcasts: readonly string[] };
  'broadcast.started': { readonly endedBroadcasts: readonly string[] };
  'video.updated': { readonly revision: number };
  'video.deleted': DeletedObjects;
  'job.claimed': ClaimedJob;
  'job.renewed': { readonly renewal: number };
  'job.expired': JobEnding;
  'job.completed': JobEnding;
  'job.failed': JobEnding;
  'job.released': JobEnding;
}
export type ResultOf<T extends EntryType> = T extends keyof EntryResults ? EntryResults[T] : undefined;

/** The objects that a deleted video leaves in the store, for the caller to delete. Prefixes end in `/`. */
export interface DeletedObjects {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
}

export interface ClaimedJob {
  readonly jobId: string;
  readonly videoId: string;
  readonly resolution: string;
  /** The lease: the position of the claim. Outputs go under `job/<jobId>/<token>/`. */
  readonly token: number;
  /** From 1. */
  readonly attempt: number;
  readonly rawKey: string;
  readonly rendition: Rendition;
  readonly durationSec: number;
  readonly source: SourceFacts;
}

export interface JobEnding {
  readonly job: 'queued' | 'done' | 'failed';
  readonly video: 'uploading' | 'transcoding' | 'ready' | 'failed';
}

const stamp = { id: z.string().min(1).max(200), v: z.literal(1), at: epochMs };
const kind = <T extends EntryType>(type: T) =>
  z.strictObject({ ...stamp, type: z.literal(type), data: dataSchemas[type] });
const kinds = Object.keys(dataSchemas).map((type) => kind(type as EntryType));
const entrySchema = z.discriminatedUnion('type', kinds as [(typeof kinds)[number], ...typeof kinds]);

/**
 * Reads what came out of a log, or is about to go into one. Fails with `metadata.unknown-entry` for a type or version that
 * this build does not know (apply must stop there, never skip it), and `metadata.bad-entry` for a known one that is malformed.
 * `where` names the entry in the message.
 */
export function readEntry(value: unknown, where: string): Entry {
  const { type, v } = (value ?? {}) as { type?: unknown; v?: unknown };
  if (typeof type === 'string' && typeof v === 'number' && !(Object.hasOwn(dataSchemas, type) && v === 1)) {
    throw unknownEntry(type, v, where);
  }
  const read = entrySchema.safeParse(value);
  if (read.success) return read.data as Entry;
  throw new Failure('metadata.bad-entry', `${where} is malformed: ${z.prettifyError(read.error)}`, {
    hint: 'Entries are checked before they are appended: what proposed this one has a bug, or the log was edited by hand.',
  }) satisfies MetadataFailure;
}

function unknownEntry(type: string, v: number, where: string): MetadataFailure {
  return new Failure('metadata.unknown-entry', `${where} is "${type}" version ${v}, which this build does not know`, {
    hint: 'A newer Headwater wrote it. Run that version (or a later one) on this data folder; entries are never skipped.',
  });
}
