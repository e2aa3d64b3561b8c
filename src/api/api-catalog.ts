import type { ChannelSettings } from '../media/channel-settings.js';

/** What the API asks of the catalog. The catalog's own face fits; tests have a small one in memory. Times are epoch ms. */
export interface ApiCatalog {
  append(entry: ApiEntry): Promise<ApiVerdict>;
  user(id: string): Promise<UserRow | null>;
  userByName(name: string): Promise<UserRow | null>;
  /** In the order of names. */
  users(page: NamesPage): Promise<readonly UserRow[]>;
  channel(name: string): Promise<ChannelRow | null>;
  /** A channel's targets, in the order of names. */
  restreams(channel: string): Promise<readonly RestreamRow[]>;
  /** In the order of names. */
  channels(page: NamesPage): Promise<readonly ChannelRow[]>;
  video(id: string): Promise<(VideoRow & { readonly jobs: readonly JobRow[] }) | null>;
  /** Newest first. */
  videos(page: VideosPage): Promise<readonly VideoRow[]>;
  /** Ids of those that can be played and were, the most watched first. */
  popularVideos(limit: number): Promise<readonly string[]>;
}

export type Role = 'operator' | 'creator' | 'viewer';
type VideoStatus = 'uploading' | 'transcoding' | 'ready' | 'failed';

export interface NamesPage {
  /** 1 to 1000. */
  readonly limit: number;
  /** Only names after this one. */
  readonly after?: string;
}

export interface VideosPage {
  readonly status?: VideoStatus;
  readonly uploaderId?: string;
  /** 1 to 1000. */
  readonly limit: number;
  /** Only what is older than this one. */
  readonly before?: { readonly createdAt: number; readonly id: string };
}

export interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

export interface ChannelRow {
  readonly name: string;
  readonly ownerId: string;
  readonly streamKey: string;
  readonly createdAt: number;
  /** Counts key rotations and changes of settings. */
  readonly revision: number;
  readonly settings: ChannelSettings;
}

export interface RestreamRow {
  readonly name: string;
  /** Secrets included. */
  readonly url: string;
}

export interface VideoRow {
  readonly id: string;
  readonly uploaderId: string;
  readonly title: string;
  readonly description: string;
  readonly durationSec: number | null;
  readonly status: VideoStatus;
  /** A path; null until there is a poster. */
  readonly thumbnailUrl: string | null;
  readonly viewCount: number;
  readonly createdAt: number;
  /** Counts edits of title and description. */
  readonly revision: number;
  readonly sizeBytes: number;
  readonly failureReason: string | null;
  /** Of an archive: the broadcast that it was. */
  readonly broadcastId: string | null;
  /** An archive in which something is missing that was announced. */
  readonly incomplete: boolean;
}

export interface JobRow {
  readonly jobId: string;
  readonly resolution: string;
  readonly status: 'queued' | 'processing' | 'done' | 'failed';
}

/** The objects that a deleted video leaves in the store. Prefixes end in `/`. */
export interface DeletedObjects {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
}

export interface WatchedVideo {
  readonly videoId: string;
  readonly views: number;
  readonly beats: number;
  readonly bufferEvents: number;
  readonly watchers: { readonly userId: string; readonly progressSec: number }[];
}

interface EntryData {
  'user.created': { readonly userId: string; readonly name: string; readonly role: Role };
  'channel.created': { readonly name: string; readonly ownerId: string; readonly streamKey: string };
  'channel.key-rotated': { readonly name: string; readonly streamKey: string };
  'channel.configured': {
    readonly name: string;
    readonly settings: Partial<ChannelSettings>;
    readonly revision?: number | undefined;
  };
  'channel.deleted': { readonly name: string };
  'channel.restream-added': { readonly channel: string; readonly name: string; readonly url: string };
  'channel.restream-removed': { readonly channel: string; readonly name: string };
  'video.updated': {
    readonly videoId: string;
    readonly title?: string | undefined;
    readonly description?: string | undefined;
    readonly revision?: number | undefined;
  };
  'video.deleted': { readonly videoId: string };
  'heartbeats.recorded': { readonly minute: number; readonly videos: WatchedVideo[] };
}

/** Appending the same id twice applies it once. */
export type ApiEntry = {
  [Type in keyof EntryData]: {
    readonly id: string;
    readonly v: 1;
    readonly type: Type;
    readonly at: number;
    readonly data: EntryData[Type];
  };
}[keyof EntryData];

export type ApiVerdict =
  | { readonly applied: true; readonly result?: unknown }
  | { readonly applied: false; readonly reason: 'conflict' | 'absent' | 'denied' | 'exists'; readonly message: string };
