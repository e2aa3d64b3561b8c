import type { HttpHandler } from '../http/server.js';
import type { CaptionChannels } from '../media/source-facts.js';
import type { TimedMetadata } from '../media/timed-metadata.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { originDoor } from './door.js';
import { LiveAnswers } from './live-answers.js';
import { type FragmentSink, LiveChannels, type LiveState } from './live-channels.js';
import { isShown } from './live-manifests.js';
import type { Objects } from './object-reader.js';
import { ArchiveLibrary } from './recording/archive-library.js';
import type { ArchivedBroadcast } from './recording/archiver.js';
import { RecordedObjects } from './recording/recorded-objects.js';
import { Recorder } from './recording/recorder.js';
import { RecordingAnswers } from './recording/recording-answers.js';
import type { RecordingCatalog, RecordingStore } from './recording/recording-store.js';
import { SegmentTexts } from './recording/segment-texts.js';
import { Shield } from './shield.js';
import { openSpool } from './spool.js';
import type { SpoolDisk } from './spool-disk.js';
import { ThumbnailAnswers } from './thumbnails/thumbnail-answers.js';
import type { MakeThumbnail } from './thumbnails/thumbnail-shelf.js';
import { TimedEventFiles } from './timed-event-files.js';
import { TimedEventShelf } from './timed-event-shelf.js';
import { TsAnswers } from './ts/ts-answers.js';
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
  /** Whether live channels are served as MPEG-TS too. Default false. */
  readonly mpegTs?: boolean;
  /** Segments in a live playlist and in memory. Default 8. */
  readonly windowSegments?: number;
  /** Segment bytes in memory for each channel. Default 128 MiB. */
  readonly windowBytesMax?: number;
  /** A larger segment fails its run. Default 32 MiB. */
  readonly segmentBytesMax?: number;
  /** Low-latency HLS: parts are announced as they come. Default true. */
  readonly lowLatency?: boolean;
  /** How long the playlists of a broadcast that the box's own end cut off stay open, for a publisher who comes right back. Default 8 s. */
  readonly cutOffGraceMs?: number;
  /** How long an ended broadcast's playlists are served. Default 30 min. */
  readonly endedRetentionMs?: number;
  /** Segments older than this leave the spool. Default 24 h. */
  readonly spoolAgeMaxMs?: number;
  /** Above this the oldest segments leave the spool. Default 20 GiB. */
  readonly spoolBytesMax?: number;
  /** Keeps what is broadcast, for DVR and for archives. Default: it is forgotten with the spool. */
  readonly recording?: RecordingOptions | null;
  /** Makes the small pictures of a scrubber. Default: there are none. */
  readonly makeThumbnail?: MakeThumbnail;
  readonly disk?: SpoolDisk;
  readonly now?: () => number;
}

interface RecordingOptions {
  readonly store: RecordingStore;
  readonly catalog: RecordingCatalog;
  /** A broadcast has become a video. */
  readonly onArchived: (archive: ArchivedBroadcast) => void;
  /** The first pause after the store has failed. Default 1 s. */
  readonly pauseMs?: number;
}

/** The truth over HTTP. */
export interface Origin {
  readonly handler: HttpHandler;
  readonly fragments: FragmentSink;
  /** A broadcast's source told something beside its media; its playlists tell it from now on. */
  timedMetadata(event: TimedMetadata & { readonly broadcastId: string }): void;
  /** All the captions that a broadcast's pictures have had so far. */
  captionsFound(event: { readonly broadcastId: string; readonly captions: CaptionChannels }): void;
  live(): LiveState[];
  /** Its multivariant playlist is served, and the broadcast has not ended. */
  isPlayable(channel: string): boolean;
  /** Ends what is live there and deletes what the spool has of it. */
  deleteChannel(name: string): Promise<void>;
  /** The video that a broadcast was is deleted: nothing of it is to be served any more. */
  forgetBroadcast(broadcastId: string): Promise<void>;
  /** The video was changed or deleted: ask the catalog again. */
  forgetVideo(videoId: string): void;
  /** Ends open runs, waits for the spool and syncs it. */
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;

/** Opens the spool (and what it recovered) and everything behind the door. Lives until `close`. */
export async function openOrigin(options: OriginOptions): Promise<Origin> {
  const { log, metrics, now = Date.now, windowSegments = 8, recording = null } = options;
  const endedRetentionMs = options.endedRetentionMs ?? HOUR_MS / 2;
  const spool = await openSpool({
    folder: options.spoolDir,
    retention: {
      ageMaxMs: options.spoolAgeMaxMs ?? 24 * HOUR_MS,
      bytesMax: options.spoolBytesMax ?? 20 * 1024 * MIB,
      storedAgeMaxMs: endedRetentionMs + HOUR_MS / 2,
    },
    tailLength: windowSegments,
    ...{ log, metrics, now },
    ...(options.disk === undefined ? {} : { disk: options.disk }),
  });
  const timedEvents = new TimedEventShelf();
  const eventFiles = new TimedEventFiles(timedEvents, spool);
  await eventFiles.restore();
  const eventsOf = (broadcastId: string) => timedEvents.of(broadcastId);
  const held = (key: string) => {
    const [broadcastId = '', rendition = '', name = ''] = key.split('/');
    const media = channels.held(broadcastId, rendition, name);
    return media.kind === 'bytes' ? media.bytes : null;
  };
  const recorder =
    recording && new Recorder({ ...recording, spool, held, eventsOf, endedRetentionMs, now, log, metrics });
  const channels = new LiveChannels({
    ...{ spool, timedEvents, windowSegments, now, log, metrics },
    memoryBytesMax: options.windowBytesMax ?? 128 * MIB,
    segmentBytesMax: options.segmentBytesMax ?? 32 * MIB,
    lowLatency: options.lowLatency ?? true,
    cutOffGraceMs: options.cutOffGraceMs ?? 8_000,
    ...{ endedRetentionMs, recorder },
  });
  await recorder?.recover();
  const texts = new SegmentTexts();
  const library = new VodLibrary(options.vod);
  const answers = metrics.counter(
    'origin_answers_total',
    'Answers of the origin by kind of address and status. Many 404 on live kinds: players ask for what is not there.',
    ['kind', 'status'],
  );
  const announced = recording === null ? spool : new RecordedObjects(spool, recording.store);
  const shield = new Shield({ objects: announced });
  const live = new LiveAnswers({ channels, shield, now });
  const stored = new Shield({ objects: options.objects });
  const archives = new ArchiveLibrary(stored, texts);
  const thumbnails = new ThumbnailAnswers({
    broadcast: (broadcastId) => recorder?.indexOf(broadcastId) ?? null,
    ...{ archives, library, announced: shield, stored },
    make: options.makeThumbnail ?? (() => Promise.resolve(null)),
  });
  const handler = originDoor({
    live,
    ts: new TsAnswers({
      windows: channels,
      media: (broadcastId, rendition, name, signal) => live.media(broadcastId, rendition, name, signal),
      now,
      enabled: options.mpegTs ?? false,
    }),
    past: new RecordingAnswers({
      window: (channel) => channels.window(channel),
      tape: (channel) => recorder?.tape(channel) ?? null,
      ...{ texts, eventsOf, now },
    }),
    vod: new VodAnswers(library, stored, archives),
    thumbnails,
    pages: new WebPages(options.webDir),
    now,
    log,
    onAnswered: (kind, status) => answers.inc({ kind, status: String(status) }),
  });
  return {
    handler,
    fragments: channels,
    timedMetadata: ({ broadcastId, ...metadata }) => {
      timedEvents.add(broadcastId, metadata);
      eventFiles.changed(broadcastId);
    },
    captionsFound: ({ broadcastId, captions }) => {
      timedEvents.noteCaptions(broadcastId, captions);
      eventFiles.changed(broadcastId);
    },
    live: () => channels.live(),
    isPlayable: (channel) => {
      const window = channels.window(channel);
      return window !== null && window.endedAt === null && isShown(window);
    },
    deleteChannel: async (name) => {
      await channels.deleteChannel(name);
      await recorder?.deleteChannel(name);
    },
    forgetBroadcast: async (broadcastId) => {
      await recorder?.forgetBroadcast(broadcastId);
    },
    forgetVideo: (videoId) => library.forget(videoId),
    close: async () => {
      await channels.close();
      await recorder?.close();
      await thumbnails.close();
      await eventFiles.close();
      await spool.close();
    },
  };
}
