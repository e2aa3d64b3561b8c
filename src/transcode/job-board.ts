/** What VOD transcoding needs of the catalog and of the store, as it asks for it; `cli` brings them together. */
import type { Readable } from 'node:stream';
import type { PackagedRendition } from '../media/packaged-rendition.js';
import type { Rendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';

export interface JobBoard {
  /** A video that is uploaded and not yet planned, or null. */
  nextUnplanned(): Promise<UnplannedVideo | null>;
  planned(plan: VideoPlan): Promise<void>;
  /** The file will never become a video; `reason` is for the person who uploaded it. */
  failVideo(videoId: string, reason: string): Promise<void>;
  poster(videoId: string, key: string): Promise<void>;
  claim(workerId: string): Promise<ClaimedJob | null>;
  /** False: the lease is lost, and with it the right to complete. */
  renew(jobId: string, token: number): Promise<boolean>;
  /** 0 to 1; kept in memory, not a log entry. */
  progress(jobId: string, token: number, fraction: number): void;
  /** False: the lease was lost; the output is not published and should be deleted. */
  complete(jobId: string, token: number, output: PackagedRendition): Promise<boolean>;
  /** `retry`: the job goes back into the queue. */
  fail(jobId: string, token: number, reason: string, retry: boolean): Promise<void>;
  /** The worker stops in good order: the job goes back into the queue, and this was no try. */
  release(jobId: string, token: number, reason: string): Promise<void>;
  /** Resolves when there may be new work, after `timeoutMs`, or when `signal` fires. Several callers may wait at once. */
  waitForWork(timeoutMs: number, signal: AbortSignal): Promise<void>;
}

export interface UnplannedVideo {
  readonly videoId: string;
  readonly rawKey: string;
}

export interface VideoPlan {
  readonly videoId: string;
  readonly durationSec: number;
  /** In the order in which they should be claimed. */
  readonly jobs: readonly PlannedJob[];
  readonly source: SourceFacts;
}

export interface PlannedJob {
  readonly jobId: string;
  /** `360p`, `720p`, … or `audio`. */
  readonly resolution: string;
  readonly rendition: Rendition;
}

export interface ClaimedJob {
  readonly jobId: string;
  readonly videoId: string;
  /** The lease: outputs go under it, and only its holder may complete. */
  readonly token: number;
  readonly rawKey: string;
  readonly rendition: Rendition;
  readonly durationSec: number;
  readonly source: SourceFacts;
  /** 1 for the first try. */
  readonly attempt: number;
}

/** The part of the object store that is needed; `localPath` saves a copy where the store is this box's own disk. */
export interface VodObjects {
  /** Where the object's bytes lie on this box, readable and unchanging; null where they do not. */
  localPath(key: string): string | null;
  get(key: string): Promise<{ readonly body: Readable } | null>;
  put(key: string, body: Readable, options?: { signal?: AbortSignal }): Promise<unknown>;
  deletePrefix(prefix: string): Promise<void>;
}
