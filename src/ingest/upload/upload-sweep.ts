import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Staging } from './staging.js';
import type { UploadCompletion } from './upload-completion.js';
import type { UploadLocks } from './upload-locks.js';

/** Finished uploads remembered at most; the oldest go first. */
const FINISHED_MAX = 2000;

export interface SweepOptions {
  readonly staging: Staging;
  readonly completion: UploadCompletion;
  readonly locks: UploadLocks;
  readonly log: Log;
  readonly expireAfterMs: number;
  readonly onExpired: () => void;
}

/**
 * One pass over all uploads that nobody is writing to: completes what is whole (a former life, or the store, failed it),
 * lets go of what expired. What fails is logged and met again by the next sweep.
 */
export async function sweepUploads(options: SweepOptions): Promise<void> {
  const { staging } = options;
  const finished = staging.records.all().filter(({ state }) => state === 'finished');
  for (const { videoId } of finished.slice(0, Math.max(0, finished.length - FINISHED_MAX)))
    await staging.discard(videoId);
  for (const { videoId } of staging.records.all()) {
    try {
      await options.locks.ifFree(videoId, () => sweepOne(videoId, options));
    } catch (error) {
      options.log.warn(
        { video: videoId, reason: messageOf(error) },
        'an upload could not be tidied, the next sweep tries again',
      );
    }
  }
}

async function sweepOne(videoId: string, options: SweepOptions): Promise<void> {
  const { staging, completion, expireAfterMs } = options;
  const record = staging.records.find(videoId);
  if (record === undefined) return;
  const expired = Date.now() - (await staging.lastTouchedAt(record)) > expireAfterMs;
  if (record.state === 'finished') {
    if (expired) await staging.discard(videoId);
    return;
  }
  if (record.state === 'open' && (await completion.complete(videoId)) !== 'partial') return;
  // `staged` and free: its creation broke off, nobody was ever told the address.
  if (record.state !== 'staged' && !expired) return;
  await staging.remove(videoId);
  options.onExpired();
  options.log.info({ video: videoId, state: record.state }, 'an abandoned upload was removed');
}
