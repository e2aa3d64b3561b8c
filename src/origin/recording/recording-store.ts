import type { Readable } from 'node:stream';
import type { Objects } from '../object-reader.js';

/** The store that recordings go to, as far as they need it. All may fail; what failed is tried again. */
export interface RecordingStore extends Objects {
  /** Whole or not at all. The stream is destroyed whenever it is over. */
  put(key: string, body: Buffer | Readable, options?: { signal?: AbortSignal }): Promise<{ readonly size: number }>;
  /** The same of a file that stays and never changes; present where the store need not copy it. */
  putFile?(key: string, path: string, options?: { signal?: AbortSignal }): Promise<{ readonly size: number }>;
  delete(key: string): Promise<void>;
  deletePrefix(prefix: string): Promise<void>;
}

/** What a channel's broadcasts are kept for. */
export interface RecordingPolicy {
  /** How far back viewers may go while it is live, seconds; 0: not at all. */
  readonly dvrSec: number;
  /** Whether it becomes a video. */
  readonly archive: boolean;
}

/** A broadcast that is over, all of it in the store. */
export interface FinishedRecording {
  readonly broadcastId: string;
  readonly channel: string;
  /** Wall clock of its beginning, epoch ms. */
  readonly startedAt: number;
  /** What plays, without the pauses. */
  readonly durationSec: number;
  readonly sizeBytes: number;
  /** Of the object that says what there is. */
  readonly archiveKey: string;
  /** Everything is there that was announced. */
  readonly complete: boolean;
}

/** Whoever knows what channels want, and keeps the list of videos. */
export interface RecordingCatalog {
  policyOf(channel: string): Promise<RecordingPolicy>;
  /** Counts once for each broadcast, however often it is told. Null: it is wanted no more, since its channel is gone. */
  archived(recording: FinishedRecording): Promise<{ readonly videoId: string } | null>;
}
