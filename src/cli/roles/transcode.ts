import { join } from 'node:path';
import type { Catalog } from '../../metadata/catalog.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { FragmentSink } from '../../transcode/fragment-sink.js';
import { ffmpegVersion, measureEncodeSpeed } from '../../transcode/hardware.js';
import type { VodObjects } from '../../transcode/job-board.js';
import { LiveTranscoder } from '../../transcode/live.js';
import type { VodWorker } from '../../transcode/vod.js';
import type { Settings } from '../config-schema.js';
import { EncodeSpeed, type SpeedMeasuring } from '../encode-speed.js';
import { letHeapGrow } from '../heap-growth.js';
import { CatalogJobBoard } from '../job-board.js';
import { openHardware } from './hardware.js';
import { leaseTtlMs } from './metadata.js';

export interface TranscodeRole {
  readonly live: LiveTranscoder;
  readonly board: CatalogJobBoard;
  close(graceMs: number): Promise<void>;
}

interface TranscodeParts {
  readonly settings: Settings;
  readonly folder: string;
  readonly catalog: Catalog;
  readonly objects: VodObjects;
  readonly fragments: FragmentSink;
  readonly log: Log;
  readonly metrics: Metrics;
}

export async function openTranscode(parts: TranscodeParts): Promise<TranscodeRole> {
  const { settings, folder, catalog, fragments, log, metrics } = parts;
  letHeapGrow();
  const { ffmpeg: binary, pixelsPerSecond } = settings.transcode;
  const speed = new EncodeSpeed({ file: join(folder, 'encode-speed.json'), setting: pixelsPerSecond });
  const hardware = openHardware({ settings, folder, log, metrics });
  const live = new LiveTranscoder({
    fragments,
    log,
    metrics,
    pixelsPerSecond: () => speed.pixelsPerSecond,
    presets: settings.presets,
    preset: settings.live.preset,
    gpus: hardware.fleet,
    segmentSec: settings.live.segmentSec,
    partMs: settings.live.partMs,
    binary,
  });
  const board = new CatalogJobBoard(catalog);
  const stopping = new AbortController();
  // Measuring takes both cores for a moment: once the box has started, and before the first upload does.
  const measuring = measuringOf({ log, binary, signal: stopping.signal });
  const learned = speed
    .learn(measuring)
    .then(() => hardware.learn(stopping.signal))
    .then(() => (stopping.signal.aborted ? null : startVod(parts, board)));
  learned
    .then(() => speed.keepLearning(measuring))
    .catch((error) => log.error({ error }, 'uploads cannot be transcoded'));
  return {
    live,
    board,
    async close(graceMs) {
      stopping.abort();
      const vod = await learned.catch(() => null);
      hardware.close();
      await Promise.all([live.drain(graceMs), vod?.stop(graceMs / 4)]);
      board.close();
    },
  };
}

/** Uploads wait for the measurements anyway, and a start is quicker without their code. */
async function startVod(parts: TranscodeParts, board: CatalogJobBoard): Promise<VodWorker> {
  const { settings, folder, objects, log, metrics } = parts;
  const { VodWorker } = await import('../../transcode/vod.js');
  const vod = new VodWorker({
    board,
    objects,
    scratchDir: join(folder, 'scratch'),
    workerId: `box-${process.pid}`,
    log,
    metrics,
    leaseTtlMs,
    concurrency: settings.transcode.vodConcurrency,
    audioOnly: settings.upload.audioOnly,
    binary: settings.transcode.ffmpeg,
  });
  await vod.start();
  return vod;
}

function measuringOf(options: { log: Log; binary: string; signal: AbortSignal }): SpeedMeasuring {
  return {
    measure: () => measureEncodeSpeed(options),
    ffmpegVersion: async () => `ffmpeg ${(await ffmpegVersion(options)).text}`,
    log: options.log,
    signal: options.signal,
  };
}
