import { openHttpServer } from '../../http/open-server.js';
import type { Catalog } from '../../metadata/catalog.js';
import { type Origin, openOrigin } from '../../origin/origin.js';
import type { ArchivedBroadcast } from '../../origin/recording/archiver.js';
import type { DiskStore } from '../../storage/disk-store.js';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { thumbnailOf } from '../../transcode/thumbnail.js';
import { dialable, parseAddress } from '../address.js';
import { ArchivePosters } from '../archive-posters.js';
import type { Settings } from '../config-schema.js';
import { RecordingsInCatalog } from '../recording-catalog.js';
import { steadyNow } from '../steady-clock.js';

/** The truth over HTTP, on an inner port. */
export interface OriginRole {
  readonly url: string;
  readonly fragments: Origin['fragments'];
  /** Told by ingest. */
  readonly timedMetadata: Origin['timedMetadata'];
  readonly captionsFound: Origin['captionsFound'];
  isPlayable(channel: string): boolean;
  deleteChannel(channel: string): Promise<void>;
  /** The video is deleted that a broadcast was. */
  forgetBroadcast(broadcastId: string): Promise<void>;
  forgetVideo(videoId: string): void;
  close(graceMs: number): Promise<void>;
}

export async function openOriginRole(options: {
  settings: Settings;
  spoolDir: string;
  scratchDir: string;
  webDir: string;
  catalog: Catalog;
  objects: DiskStore;
  /** A broadcast has become a video. */
  onArchived: (archive: ArchivedBroadcast) => void;
  log: Log;
  metrics: Metrics;
}): Promise<OriginRole> {
  const { settings, spoolDir, webDir, catalog, objects, log, metrics } = options;
  const { lowLatency, mpegTs, windowSegments, endedRetentionMin, spoolBytesMax } = settings.live;
  const { dvrSec, archive } = settings.live;
  const posters = new ArchivePosters({
    ...{ catalog, objects, log, scratchDir: options.scratchDir, binary: settings.transcode.ffmpeg },
    onPoster: (videoId) => origin.forgetVideo(videoId),
  });
  const origin = await openOrigin({
    recording: {
      store: objects,
      catalog: new RecordingsInCatalog(catalog, { dvrSec, archive }),
      onArchived: (archived) => {
        posters.add(archived);
        options.onArchived(archived);
      },
    },
    makeThumbnail: (request) => thumbnailOf(request, settings.transcode.ffmpeg, log),
    spoolDir,
    webDir,
    vod: { video: (videoId) => catalog.packaged(videoId) },
    objects,
    log,
    metrics,
    now: steadyNow,
    mpegTs,
    lowLatency,
    windowSegments,
    endedRetentionMs: endedRetentionMin * 60_000,
    spoolBytesMax,
  });
  posters.addOwed().catch((error: unknown) => log.warn({ error: messageOf(error) }, 'archives may lack posters'));
  const { listen } = settings.origin;
  const server = await openHttpServer({ ...parseAddress(listen), engine: settings.http.engine }, origin.handler, log);
  return {
    url: `http://${dialable(server.address)}`,
    fragments: origin.fragments,
    timedMetadata: (event) => origin.timedMetadata(event),
    captionsFound: (event) => origin.captionsFound(event),
    isPlayable: (channel) => origin.isPlayable(channel),
    deleteChannel: (channel) => origin.deleteChannel(channel),
    forgetBroadcast: (broadcastId) => origin.forgetBroadcast(broadcastId),
    forgetVideo: (videoId) => origin.forgetVideo(videoId),
    async close(graceMs) {
      await server.close(graceMs);
      await origin.close();
      await posters.close();
    },
  };
}
