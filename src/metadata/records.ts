import type { ChannelSettings } from '../media/channel-settings.js';
import type { PackagedRendition } from '../media/packaged-rendition.js';
import type { Rendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { JobStatus, VideoStatus } from './video-outcome.js';

/** What the catalog's queries answer with. Times are epoch ms. */
type Role = 'operator' | 'creator' | 'viewer';

export interface User {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: number;
}

export interface Channel {
  readonly name: string;
  readonly ownerId: string;
  /** The channel's one secret. */
  readonly streamKey: string;
  readonly createdAt: number;
  /** Counts key rotations and changes of settings. */
  readonly revision: number;
  readonly settings: ChannelSettings;
  readonly live: { readonly broadcastId: string; readonly startedAt: number } | null;
}

/** A place that a channel is sent on to. */
export interface Restream {
  readonly channel: string;
  readonly name: string;
  /** Secrets included, as it was given. */
  readonly url: string;
  readonly createdAt: number;
}

export interface LiveBroadcast {
  readonly broadcastId: string;
  readonly channel: string;
  readonly startedAt: number;
}

export interface Video {
  readonly id: string;
  readonly uploaderId: string;
  readonly title: string;
  readonly description: string;
  /** Null until the video is planned. */
  readonly durationSec: number | null;
  readonly status: VideoStatus;
  /** A path; null until ready. */
  readonly manifestUrl: string | null;
  /** A path; null until there is a poster. */
  readonly thumbnailUrl: string | null;
  readonly viewCount: number;
  readonly createdAt: number;
  /** Counts edits of title and description. */
  readonly revision: number;
  readonly sizeBytes: number;
  readonly rawKey: string | null;
  readonly posterKey: string | null;
  readonly failureReason: string | null;
  /** Of an archive: the broadcast that it was. */
  readonly broadcastId: string | null;
  /** An archive in which something is missing that was announced. */
  readonly incomplete: boolean;
  readonly source: SourceFacts | null;
  readonly likes: number;
  readonly commentsCount: number;
  readonly shares: number;
}

export interface Job {
  readonly jobId: string;
  readonly videoId: string;
  readonly resolution: string;
  readonly status: JobStatus;
  readonly workerId: string | null;
  readonly createdAt: number;
  /** The current or last lease's, null where there is none. */
  readonly token: number | null;
  readonly attempt: number;
  readonly rendition: Rendition;
  /** Why it failed, or why it is queued again. */
  readonly reason: string | null;
}

export interface VideoWithJobs extends Video {
  readonly jobs: readonly Job[];
}

export interface VideosPage {
  readonly status?: VideoStatus;
  readonly uploaderId?: string;
  /** At most so many, 1 to 1000. */
  readonly limit: number;
  /** Only what is older than this one: the last of the page before. */
  readonly before?: { readonly createdAt: number; readonly id: string };
}

/** A page in the order of names. */
export interface NamesPage {
  /** At most so many, 1 to 1000. */
  readonly limit: number;
  /** Only names after this one. */
  readonly after?: string;
}

/** A lease as it stands: what a watch compares from one look to the next. */
export interface ProcessingJob {
  readonly jobId: string;
  readonly videoId: string;
  readonly workerId: string;
  readonly token: number;
  readonly renewal: number;
}

export type JobCounts = Readonly<Record<JobStatus, number>>;

/** What can be played of a ready video. */
export interface PackagedVideo {
  readonly videoId: string;
  readonly durationSec: number;
  /** Audio first, then from the lightest rung up. */
  readonly renditions: readonly PackagedRendition[];
  readonly posterKey: string | null;
  /** Of an archive: the object that says what there is of the broadcast; there are no renditions then. */
  readonly archiveKey: string | null;
  /** No job is outstanding: no rendition will come any more. */
  readonly complete: boolean;
}

export interface Watched {
  readonly videoId: string;
  readonly timestamp: number;
  readonly progressSec: number;
}

export interface CatalogStats {
  readonly position: number;
  readonly schemaVersion: number;
  readonly users: number;
  readonly channels: number;
  readonly liveChannels: number;
  readonly videos: Readonly<Record<VideoStatus, number>>;
  readonly jobs: JobCounts;
}
