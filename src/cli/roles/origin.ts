import { openHttpServer } from '../../http/open-server.js';
import type { Catalog } from '../../metadata/catalog.js';
import { type Origin, openOrigin } from '../../origin/origin.js';
import type { DiskStore } from '../../storage/disk-store.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { dialable, parseAddress } from '../address.js';
import type { Settings } from '../config-schema.js';
import { steadyNow } from '../steady-clock.js';

/** The truth over HTTP, on an inner port. */
export interface OriginRole {
  readonly url: string;
  readonly fragments: Origin['fragments'];
  isPlayable(channel: string): boolean;
  deleteChannel(channel: string): Promise<void>;
  forgetVideo(videoId: string): void;
  close(graceMs: number): Promise<void>;
}

export async function openOriginRole(options: {
  settings: Settings;
  spoolDir: string;
  webDir: string;
  catalog: Catalog;
  objects: DiskStore;
  log: Log;
  metrics: Metrics;
}): Promise<OriginRole> {
  const { settings, spoolDir, webDir, catalog, objects, log, metrics } = options;
  const { windowSegments, endedRetentionMin, spoolBytesMax } = settings.live;
  const origin = await openOrigin({
    spoolDir,
    webDir,
    vod: { video: (videoId) => catalog.packaged(videoId) },
    objects,
    log,
    metrics,
    now: steadyNow,
    windowSegments,
    endedRetentionMs: endedRetentionMin * 60_000,
    spoolBytesMax,
  });
  const { listen } = settings.origin;
  const server = await openHttpServer({ ...parseAddress(listen), engine: settings.http.engine }, origin.handler, log);
  return {
    url: `http://${dialable(server.address)}`,
    fragments: origin.fragments,
    isPlayable: (channel) => origin.isPlayable(channel),
    deleteChannel: (channel) => origin.deleteChannel(channel),
    forgetVideo: (videoId) => origin.forgetVideo(videoId),
    async close(graceMs) {
      await server.close(graceMs);
      await origin.close();
    },
  };
}
