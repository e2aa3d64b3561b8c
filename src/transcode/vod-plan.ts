/** Plans one uploaded video: looks at the file, makes the poster, and lists the jobs that make its renditions. */
import { randomInt } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Rendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import type { PlannedJob, UnplannedVideo, VideoPlan, VodObjects } from './job-board.js';
import { vodLadder } from './ladder.js';
import type { MediaTools } from './media-tools.js';
import { type ProbedFile, probeFile } from './probe-file.js';
import { rawFile } from './raw-file.js';
import { makePoster } from './stills.js';

export interface PlanContext {
  readonly objects: VodObjects;
  readonly scratch: string;
  readonly log: Log;
  readonly tools: MediaTools;
  readonly signal: AbortSignal;
  readonly nice: number;
  /** Whether a file of sound alone becomes a video; else it is refused. */
  readonly audioOnly: boolean;
}

export type PlanOutcome =
  | { readonly kind: 'planned'; readonly plan: VideoPlan; readonly posterKey: string | null }
  /** The file's fault; final. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Ours; worth another try. */
  | { readonly kind: 'failed'; readonly reason: string };

export async function planVideo(video: UnplannedVideo, context: PlanContext): Promise<PlanOutcome> {
  const { objects, scratch, log, signal, tools } = context;
  const path = await rawFile(objects, video.rawKey, scratch, signal);
  if (path === null) return { kind: 'refused', reason: 'the uploaded file is no longer in the store' };
  const probed = await probeFile(path, { log, signal, tools });
  if (!probed.ok) return { kind: probed.foreign ? 'refused' : 'failed', reason: probed.reason };
  if (probed.facts.video === null && !context.audioOnly) return { kind: 'refused', reason: SOUND_ALONE };
  const jobs = plannedJobs(probed.facts);
  if (jobs.length === 0) return { kind: 'refused', reason: 'no rendition can be made of this file' };
  const posterKey = await storePoster(video.videoId, path, probed, context);
  const { durationSec, facts: source } = probed;
  return { kind: 'planned', posterKey, plan: { videoId: video.videoId, durationSec, jobs, source } };
}

const SOUND_ALONE =
  'the file has no video, only sound: upload one that has a picture (the operator may allow sound alone with upload.audioOnly)';

/** Sound first (every video needs it), then upwards: the first picture is there soonest. */
function plannedJobs(facts: SourceFacts): PlannedJob[] {
  const { video, audio } = vodLadder(facts);
  const upwards = video.toSorted((a, b) => a.width * a.height - b.width * b.height);
  const renditions: Rendition[] = audio === null ? upwards : [audio, ...upwards];
  return renditions.map((rendition) => ({ jobId: newJobId(), resolution: resolutionOf(rendition), rendition }));
}

function resolutionOf(rendition: Rendition): string {
  return rendition.kind === 'audio' ? 'audio' : `${Math.min(rendition.width, rendition.height)}p`;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

const newJobId = () => `j_${Array.from({ length: 16 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')}`;

async function storePoster(videoId: string, path: string, probed: ProbedFile, context: PlanContext) {
  const { facts, videoStreamIndex, durationSec } = probed;
  if (facts.video === null || videoStreamIndex === null) return null;
  const { log, signal, nice, tools } = context;
  const output = join(context.scratch, 'poster.jpg');
  if (
    !(await makePoster({ path, facts: facts.video, videoStreamIndex, durationSec, output, log, signal, nice, tools }))
  ) {
    log.warn({ video: videoId }, 'no poster could be made');
    return null;
  }
  const key = `poster/${videoId}.jpg`;
  await context.objects.put(key, createReadStream(output), { signal });
  return key;
}
