import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { RestreamAddress } from '../media/restream-address.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { ApiCatalog, DeletedObjects } from './api-catalog.js';
import type { Auth, Identity } from './auth.js';
import type { BoxStatus } from './box-status.js';
import type { PushAddresses } from './reached.js';
import type { restreamSchema } from './restream-view.js';

export type ApiApp = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; null for nobody in particular. Set before any handler runs. */
    identity: Identity | null;
    /** The address that this caller is told: `http://host[:port]`. */
    base: string;
  }
}

export type RestreamStatus = z.infer<typeof restreamSchema>;

/** Channels on their way to other servers. */
export interface RestreamDoor {
  /** Of the targets of a channel that is live; none where it is not. */
  statuses(channel: string): readonly RestreamStatus[];
  /** Where an address leads, as far as that can be told. */
  placeOf(address: Pick<RestreamAddress, 'host' | 'port'>): Promise<'this-box' | 'private' | 'elsewhere'>;
}

/** What the routes are made of; `cli` gives it. */
export interface ApiContext {
  readonly auth: Auth;
  readonly catalog: ApiCatalog;
  readonly publicUrl: string | null;
  /** Where publishers may push. */
  readonly pushAddresses: () => PushAddresses;
  /** The names of the ladder presets that a channel may be set to. */
  readonly presets: readonly string[];
  readonly status: () => Promise<BoxStatus>;
  readonly restreams: RestreamDoor;
  /** A channel was deleted or got a new key: whoever pushes to it must be cut. */
  readonly onChannelStopped: (name: string, reason: 'deleted' | 'key-rotated') => void | Promise<void>;
  /** A video was deleted: its upload, if one is under way, and its objects can go. */
  readonly onVideoDeleted: (videoId: string, objects: DeletedObjects) => void | Promise<void>;
  /** Whether viewers can play the channel now. */
  readonly isChannelLive: (name: string) => boolean;
  /** 0 to 1; null when this box does not work on the job. */
  readonly jobProgress: (jobId: string) => number | null;
  readonly log: Log;
  readonly metrics: Metrics;
}
