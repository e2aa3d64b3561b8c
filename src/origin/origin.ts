import type { HttpHandler } from '../http/server.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { originDoor } from './door.js';
import { LiveAnswers } from './live-answers.js';
import { type FragmentSink, LiveChannels, type LiveState } from './live-channels.js';
import { isShown } from './live-manifests.js';
import type { Objects } from './object-reader.js';
import { Shield } from './shield.js';
import { openSpool } from './spool.js';
import type { SpoolDisk } from './spool-disk.js';
import { VodAnswers } from './vod-answers.js';
import { type VodCatalog, VodLibrary } from './vod-library.js';
import { WebPages } from './web-pages.js';

export interface OriginOptions {
  /** Made if it is not there. */
  readonly spoolDir: string;
  /** The folder of the built pages. */
  readonly webDir: string;
  readonly vod: VodCatalog;
  readonly objects: Objects;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Segments in a live playlist and in memory. Default 8. */
  readonly windowSegments?: number;
  /** Segment bytes in memory for each channel. Default 128 MiB. */
  readonly windowBytesMax?: number;
  /** A larger segment fails its run. Default 32 MiB. */
  readonly segmentBytesMax?: number;
  /** How long the playlists of a broadcast that the box's own end cut off stay open, for a publisher who comes right back. Default 8 s. */
  readonly cutOffGraceMs?: number;
  /** How long an ended broadcast's playlists are served. Default 30 min. */
  readonly endedRetentionMs?: number;
  /** Segments older than this leave the spool. Default 24 h. */
  readonly spoolAgeMaxMs?: number;
  /** Above this the oldest segments leave the spool. Default 20 GiB. */
  readonly spoolBytesMax?: number;
  readonly disk?: SpoolDisk;
  readonly now?: () => number;
}

/** The truth over HTTP. */
export interface Origin {
  readonly handler: HttpHandler;
  readonly fragments: FragmentSink;
  live(): LiveState[];
  /** Its multivariant playlist is served, and the broadcast has not ended. */
  isPlayable(channel: string): boolean;
  /** Ends what is live there and deletes what the spool has of it. */
  deleteChannel(name: string): Promise<void>;
  /** The video was changed or deleted: ask the catalog again. */
  forgetVideo(videoId: string): void;
  /** Ends open runs, waits for the spool and syncs it. */
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;

/** Opens the spool (and what it recovered) and everything behind the door. Lives until `close`. */
export async function openOrigin(options: OriginOptions): Promise<Origin> {
  const { log, metrics, now = Date.now, windowSegments = 8 } = options;
  const spool = await openSpool({
    folder: options.spoolDir,
    retention: { ageMaxMs: options.spoolAgeMaxMs ?? 24 * HOUR_MS, bytesMax: options.spoolBytesMax ?? 20 * 1024 * MIB },
    tailLength: windowSegments,
    ...{ log, metrics, now },
    ...(options.disk === undefined ? {} : { disk: options.disk }),
  });
  const channels = new LiveChannels({
    ...{ spool, windowSegments, now, log, metrics },
    memoryBytesMax: options.windowBytesMax ?? 128 * MIB,
    segmentBytesMax: options.segmentBytesMax ?? 32 * MIB,
    cutOffGraceMs: options.cutOffGraceMs ?? 8_000,
    endedRetentionMs: options.endedRetentionMs ?? HOUR_MS / 2,
  });
  const library = new VodLibrary(options.vod);
  const answers = metrics.counter(
    'origin_answers_total',
    'Answers of the origin by kind of address and status. Many 404 on live kinds: players ask for what is not there.',
    ['kind', 'status'],
  );
  const handler = originDoor({
    live: new LiveAnswers({ channels, shield: new Shield({ objects: spool }), now }),
    vod: new VodAnswers(library, new Shield({ objects: options.objects })),
    pages: new WebPages(options.webDir),
    now,
    log,
    onAnswered: (kind, status) => answers.inc({ kind, status: String(status) }),
  });
  return {
    handler,
    fragments: channels,
    live: () => channels.live(),
    isPlayable: (channel) => {
      const window = channels.window(channel);
      return window !== null && window.endedAt === null && isShown(window);
    },
    deleteChannel: (name) => channels.deleteChannel(name),
    forgetVideo: (videoId) => library.forget(videoId),
    close: async () => {
      await channels.close();
      await spool.close();
    },
  };
}
