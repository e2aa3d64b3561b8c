/**
 * One VOD job, from the uploaded file to stored objects: fetch → probe → encode → check → package → store.
 *
 * Each step either hands on or ends the job with an outcome. Nothing is published here: the objects stand under the
 * lease's own prefix until the board accepts `complete`.
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { PackagedRendition } from '../media/packaged-rendition.js';
import { Failure, messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import { encodeAudio } from './encode-audio.js';
import { checkEncoded } from './encoded-check.js';
import { type ChildFailed, type FfmpegOptions, runFfmpeg } from './ffmpeg-process.js';
import type { ClaimedJob, VodObjects } from './job-board.js';
import type { MediaTools } from './media-tools.js';
import { packageVod } from './package-vod.js';
import { type ProbedFile, probeFile } from './probe-file.js';
import { rawFile } from './raw-file.js';
import { type VodSource, vodVideoCommand, type X264Preset } from './vod-command.js';

export interface JobContext {
  readonly objects: VodObjects;
  /** A folder of this job's own, removed by the caller. */
  readonly scratch: string;
  readonly log: Log;
  readonly tools: MediaTools;
  /** Aborting ends the children; the outcome is then of no consequence. */
  readonly signal: AbortSignal;
  readonly nice: number;
  readonly preset: X264Preset;
  readonly zscale: boolean;
  /** Killed when nothing moves for this long, ms. */
  readonly stallMs: number;
  /** 0 to 1. */
  readonly onProgress: (fraction: number) => void;
}

export type JobOutcome =
  | { readonly kind: 'done'; readonly packaged: PackagedRendition }
  /** The file's fault: trying again would end the same way. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The box's fault. */
  | { readonly kind: 'failed'; readonly reason: string };

type Ended = Exclude<JobOutcome, { kind: 'done' }>;

/** Where a job's objects stand; the token in it makes the place this lease's own. */
export const jobPrefix = (job: ClaimedJob) => `job/${job.jobId}/${job.token}/`;

export async function runVodJob(job: ClaimedJob, context: JobContext): Promise<JobOutcome> {
  try {
    const outcome = await jobSteps(job, context);
    // A child that was ended midway leaves a short file: that says nothing about the upload.
    return context.signal.aborted && outcome.kind !== 'done' ? ABORTED : outcome;
  } catch (error) {
    return context.signal.aborted ? ABORTED : { kind: 'failed', reason: reasonOf(error) };
  }
}

const ABORTED: JobOutcome = { kind: 'failed', reason: 'the work was ended before it was done' };

async function jobSteps(job: ClaimedJob, context: JobContext): Promise<JobOutcome> {
  const path = await rawFile(context.objects, job.rawKey, context.scratch, context.signal);
  if (path === null) return { kind: 'refused', reason: 'the uploaded file is no longer in the store' };
  const probed = await probeFile(path, { log: context.log, signal: context.signal, tools: context.tools });
  if (!probed.ok) return { kind: probed.foreign ? 'refused' : 'failed', reason: probed.reason };
  const encoded = join(context.scratch, 'encoded.mp4');
  const ended =
    (await encode(job, path, probed, encoded, context)) ?? (await check(job, path, probed, encoded, context));
  return ended ?? packageAndStore(job, encoded, context);
}

/** The part of a job's progress that encoding is; packaging and storing are the rest. */
const ENCODE_SHARE = 0.95;

async function encode(
  job: ClaimedJob,
  path: string,
  probed: ProbedFile,
  output: string,
  context: JobContext,
): Promise<Ended | null> {
  const source: VodSource = { path, ...probed };
  const { log, signal, nice, stallMs, preset, zscale, tools } = context;
  const options: FfmpegOptions = {
    ...{ log, signal, nice, stallMs, binary: tools.ffmpeg },
    onProgress: ({ outTimeMs }) => {
      context.onProgress(Math.min(1, outTimeMs / 1000 / probed.durationSec) * ENCODE_SHARE);
    },
  };
  const outcome =
    job.rendition.kind === 'video'
      ? await runFfmpeg(vodVideoCommand(source, job.rendition, output, { preset, zscale }), options).done
      : await encodeAudio(source, job.rendition, output, options);
  return outcome.ok ? null : endedBy(outcome);
}

async function check(
  job: ClaimedJob,
  path: string,
  probed: ProbedFile,
  encoded: string,
  context: JobContext,
): Promise<Ended | null> {
  const video = job.rendition.kind === 'video';
  const streamIndex = video ? probed.videoStreamIndex : probed.audioStreamIndex;
  const expectedSec = video ? probed.videoEndSec : probed.audioEndSec;
  if (streamIndex === null || expectedSec === null) throw new Error('the encoded stream was not probed');
  const { log, signal, tools } = context;
  const checked = await checkEncoded({ encoded, source: path, streamIndex, expectedSec, log, signal, tools });
  if (checked.ok) return null;
  return 'cause' in checked ? endedBy(checked) : { kind: 'refused', reason: checked.reason };
}

async function packageAndStore(job: ClaimedJob, encoded: string, context: JobContext): Promise<JobOutcome> {
  const folder = join(context.scratch, 'package');
  const prefix = jobPrefix(job);
  const { videoId, rendition } = job;
  const { log, signal, nice } = context;
  const outcome = await packageVod({ input: encoded, folder, videoId, rendition, prefix, log, signal, nice });
  if (!outcome.ok) return { kind: 'failed', reason: explain(outcome) };
  let stored = 0;
  for (const name of outcome.names) {
    await context.objects.put(`${prefix}${name}`, createReadStream(join(folder, name)), { signal });
    stored += 1;
    context.onProgress(ENCODE_SHARE + (1 - ENCODE_SHARE) * (stored / outcome.names.length));
  }
  return { kind: 'done', packaged: outcome.packaged };
}

function endedBy(failed: ChildFailed): Ended {
  if (failed.cause === 'bad-input')
    return { kind: 'refused', reason: `the file cannot be decoded (${failed.message})` };
  return { kind: 'failed', reason: explain(failed) };
}

const SCRATCH_FULL = 'the disk that holds the scratch folder is full; free some space';

function explain(failed: ChildFailed): string {
  return failed.cause === 'disk-full' ? SCRATCH_FULL : failed.message;
}

function reasonOf(error: unknown): string {
  if (error instanceof Failure) return `${error.message} (${error.hint})`;
  return (error as NodeJS.ErrnoException | null)?.code === 'ENOSPC' ? SCRATCH_FULL : messageOf(error);
}
