import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PackagedRendition } from '../media/packaged-rendition.js';
import type { Rendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import { CatalogStore } from './catalog-store.js';
import { openLogFile } from './embedded-log-file.js';
import type { ClaimedJob, EntryData, EntryType } from './entries.js';
import { newEntry } from './new-entry.js';
import type { Verdict } from './verdict.js';

export const CHANNEL = 'town-hall';
export const OWNER = 'u_operator';
export const VIDEO = 'v_aaaaaaaaaaaaaaaa';
export const BROADCAST = 'b_aaaaaaaaaaaaaaaa';
export const KEY = 'key-0123456789abcdef';

export const AUDIO: Rendition = { kind: 'audio', id: 'audio', bitrate: 128_000, sampleRate: 48_000, channels: 2 };
export const V360: Rendition = rung('v360', 640, 360);
export const V720: Rendition = rung('v720', 1280, 720);

function rung(id: string, width: number, height: number): Rendition {
  return { kind: 'video', id, width, height, frameRate: 25, bitrate: 800_000, maxBitrate: 1_000_000 };
}

export const SOURCE: SourceFacts = {
  video: {
    codec: 'h264',
    width: 1280,
    height: 720,
    rotation: 0,
    sampleAspectRatio: 1,
    frameRate: 25,
    interlaced: false,
    hdr: false,
  },
  audio: { codec: 'aac', sampleRate: 48_000, channels: 2 },
};

export const THREE_JOBS = [
  { jobId: 'j_720', resolution: '720p', rendition: V720 },
  { jobId: 'j_audio', resolution: 'audio', rendition: AUDIO },
  { jobId: 'j_360', resolution: '360p', rendition: V360 },
];

export const plan = (videoId = VIDEO, jobs = THREE_JOBS): EntryData<'video.planned'> => ({
  videoId,
  durationSec: 12.5,
  source: SOURCE,
  jobs,
});

export const outputOf = (jobId: string, token: number, rendition: Rendition): PackagedRendition => ({
  rendition,
  prefix: `job/${jobId}/${token}/`,
  codecs: rendition.kind === 'audio' ? 'mp4a.40.2' : 'avc1.64001f',
  bandwidth: 900_000,
  averageBandwidth: 800_000,
  timescale: 90_000,
  segments: [{ name: '1.m4s', start: 0, duration: 180_000, bytes: 200_000 }],
});

/**
 * A catalog on a real file of its own, without its thread. `propose` appends one entry and answers its verdict. `made`: SQL
 * for what stands in the file before.
 */
export class StoreOnDisk {
  readonly folder = mkdtempSync(join(tmpdir(), 'headwater-metadata-'));
  readonly file = join(this.folder, 'catalog.sqlite');
  readonly database = openLogFile(this.file);
  store: CatalogStore;
  #clock = 1_700_000_000_000;

  constructor({ durable = true, made = '' } = {}) {
    if (!durable) this.database.pragma('synchronous = OFF');
    this.database.exec(made);
    this.store = new CatalogStore(this.database);
  }

  propose<T extends EntryType>(type: T, data: EntryData<T>, stamp: { id?: string; at?: number } = {}): Verdict {
    this.#clock += 1_000;
    return this.commit(newEntry(type, data, { at: this.#clock, ...stamp }));
  }

  commit(entry: unknown): Verdict {
    const [commit] = this.store.commit([entry]);
    if (commit === undefined) throw new Error('no commit came back');
    if ('failure' in commit) throw new Error(`${commit.failure.code}: ${commit.failure.message}`);
    return commit.verdict;
  }

  /** A video that has been uploaded and planned into an audio, a 360p and a 720p job. */
  plannedVideo(videoId = VIDEO, jobs = THREE_JOBS): void {
    this.propose('video.created', { videoId, uploaderId: OWNER, title: 'A walk', description: '', sizeBytes: 10 });
    this.propose('video.uploaded', { videoId, rawKey: `raw/${videoId}`, sizeBytes: 12 });
    this.propose('video.planned', plan(videoId, jobs));
  }

  claim(workerId = 'worker-1'): ClaimedJob {
    const verdict = this.propose('job.claimed', { workerId });
    if (!verdict.applied) throw new Error(verdict.message);
    return verdict.result as ClaimedJob;
  }

  complete({ jobId, token, rendition }: ClaimedJob): Verdict {
    return this.propose('job.completed', { jobId, token, output: outputOf(jobId, token, rendition) });
  }

  close(): void {
    this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a refusal says, without its words. */
export const reasonOf = (verdict: Verdict): string => (verdict.applied ? 'applied' : verdict.reason);
