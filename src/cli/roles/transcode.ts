import { join } from 'node:path';
import type { Catalog } from '../../metadata/catalog.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { FragmentSink } from '../../transcode/fragment-sink.js';
import { ffmpegVersion, measureEncodeSpeed } from '../../transcode/hardware.js';
import type { VodObjects } from '../../transcode/job-board.js';
import { LiveTranscoder } from '../../transcode/live.js';
import { VodWorker } from '../../transcode/vod.js';
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

export async function openTranscode(options: {
  settings: Settings;
  folder: string;
  catalog: Catalog;
  objects: VodObjects;
  fragments: FragmentSink;
  log: Log;
  metrics: Metrics;
}): Promise<TranscodeRole> {
  const { settings, folder, catalog, objects, fragments, log, metrics } = options;
  letHeapGrow();
  const { ffmpeg: binary, pixelsPerSecond, vodConcurrency } = settings.transcode;
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
  const scratchDir = join(folder, 'scratch');
  const vod = new VodWorker({
    board,
    objects,
    scratchDir,
    workerId: `box-${process.pid}`,
    log,
    metrics,
    leaseTtlMs,
    concurrency: vodConcurrency,
    audioOnly: settings.upload.audioOnly,
    binary,
  });
  const stopping = new AbortController();
  // Measuring takes both cores for a moment: once the box has started, and before the first upload does.
  const measuring = measuringOf({ log, binary, signal: stopping.signal });
  const learned = speed
    .learn(measuring)
    .then(() => hardware.learn(stopping.signal))
    .then(() => (stopping.signal.aborted ? undefined : vod.start()));
  learned
    .then(() => speed.keepLearning(measuring))
    .catch((error) => log.error({ error }, 'uploads cannot be transcoded'));
  return {
    live,
    board,
    async close(graceMs) {
      stopping.abort();
      await learned.catch(() => {});
      hardware.close();
      await Promise.all([live.drain(graceMs), vod.stop(graceMs / 4)]);
      board.close();
    },
  };
}

function measuringOf(options: { log: Log; binary: string; signal: AbortSignal }): SpeedMeasuring {
  return {
    measure: () => measureEncodeSpeed(options),
    ffmpegVersion: async () => `ffmpeg ${(await ffmpegVersion(options)).text}`,
    log: options.log,
    signal: options.signal,
  };
}
