import type { FeedSink } from '../../ingest/feed-sink.js';
import type { LiveEvents } from '../../ingest/live-events.js';
import { Publishing, type StreamKeys } from '../../ingest/publish.js';
import type { Certificates } from '../../ingest/rtmp/certificates.js';
import type { SlateMaker } from '../../ingest/slate.js';
import type { Catalog } from '../../metadata/catalog.js';
import { newEntry } from '../../metadata/new-entry.js';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { makeSlate } from '../../transcode/slate.js';
import type { Settings } from '../config-schema.js';
import { steadyNow } from '../steady-clock.js';
import type { HooksRole } from './hooks.js';
import type { IngestChildren } from './ingest-children.js';
import { openRtmpIngest } from './ingest-rtmp.js';
import { openSrtIngest } from './ingest-srt.js';
import { openWhipIngest, type WhipIngest } from './ingest-whip.js';

export interface IngestRole {
  readonly rtmp: string;
  /** Undefined where it is off. */
  readonly rtmps: string | undefined;
  /** Undefined where SRT does not run; `srtUnable` says why, unless it is switched off. */
  readonly srt: string | undefined;
  readonly srtUnable: string | null;
  /** Why no packet filter stands before SRT's port; null where one does. */
  readonly srtUnfiltered: string | null;
  readonly webrtc: string | undefined;
  /** The HTTP half of WHIP; null where it is off. */
  readonly whip: WhipIngest | null;
  readonly publishing: Publishing;
  close(graceMs: number): Promise<void>;
}

interface IngestOptions {
  readonly settings: Settings;
  readonly catalog: Catalog;
  readonly sink: FeedSink;
  /** Told what is for viewers beside picture and sound. */
  readonly viewers: Pick<LiveEvents, 'timedMetadata' | 'captionsFound'>;
  /** Asked before a publish, and told what happens. */
  readonly hooks: HooksRole;
  /** The box's own, for doors that speak TLS; null: it has none. */
  readonly certificates: Certificates | null;
  readonly children: IngestChildren;
  readonly log: Log;
  readonly metrics: Metrics;
}

export async function openIngest(options: IngestOptions): Promise<IngestRole> {
  const { settings, catalog, hooks, sink, log, metrics } = options;
  const stopping = new AbortController();
  const { graceSec, onLoss } = settings.live;
  const publishing = new Publishing({
    sink,
    log,
    metrics,
    clock: steadyNow,
    authorize: streamKeysOf(catalog),
    approve: hooks.approve,
    events: toEach([notesFor(catalog, log), hooks.events, toldTo(options.viewers)]),
    defaults: { graceSec, onLoss },
    slates: slatesFrom(settings, log, stopping.signal),
    wantsKeyInterval: (preset) => passesPicture(settings, preset),
  });
  const doors = { settings, publishing, log, metrics };
  const { rtmp, rtmps, close: closeRtmp } = await openRtmpIngest({ ...doors, certificates: options.certificates });
  // Each waits for its process: together they take as long as one.
  const { srt: process, webrtc: started } = options.children;
  const [srt, whip] = await Promise.all([
    openSrtIngest({ ...doors, catalog, process }),
    openWhipIngest({ ...doors, started }),
  ]);
  return {
    rtmp,
    rtmps,
    srt: srt.srt,
    srtUnable: srt.unable,
    srtUnfiltered: srt.unfiltered,
    webrtc: whip?.webrtc,
    whip,
    publishing,
    async close(graceMs) {
      stopping.abort();
      await publishing.close();
      await whip?.close();
      await Promise.all([closeRtmp(graceMs), srt.close(graceMs)]);
    },
  };
}

function streamKeysOf(catalog: Catalog): StreamKeys {
  return {
    async channelForKey(streamKey) {
      const channel = await catalog.channelByKey(streamKey);
      return channel && { channel: channel.name, settings: channel.settings };
    },
  };
}

/** What the catalog keeps of broadcasts. */
function notesFor(catalog: Catalog, log: Log): LiveEvents {
  const note = (entry: Parameters<Catalog['append']>[0]) => {
    catalog
      .append(entry)
      .catch((error) => log.error({ entry: entry.type, reason: messageOf(error) }, 'a broadcast could not be noted'));
  };
  return {
    broadcastStarted: ({ channel, broadcastId, at }) =>
      note(newEntry('broadcast.started', { broadcastId, channel, at }, { id: `started-${broadcastId}` })),
    broadcastEnded: ({ broadcastId, at }) =>
      note(newEntry('broadcast.ended', { broadcastId, at }, { id: `ended-${broadcastId}` })),
    sourceChanged: () => {},
    timedMetadata: () => {},
    captionsFound: () => {},
  };
}

function toldTo(viewers: IngestOptions['viewers']): LiveEvents {
  return {
    broadcastStarted: () => {},
    broadcastEnded: () => {},
    sourceChanged: () => {},
    timedMetadata: (event) => viewers.timedMetadata(event),
    captionsFound: (event) => viewers.captionsFound(event),
  };
}

function toEach(listeners: readonly LiveEvents[]): LiveEvents {
  const tell =
    <Name extends keyof LiveEvents>(name: Name) =>
    (event: Parameters<LiveEvents[Name]>[0]) => {
      for (const listener of listeners) listener[name](event as never);
    };
  return {
    broadcastStarted: tell('broadcastStarted'),
    broadcastEnded: tell('broadcastEnded'),
    sourceChanged: tell('sourceChanged'),
    timedMetadata: tell('timedMetadata'),
    captionsFound: tell('captionsFound'),
  };
}

/** Whether channels with this preset get the source's own picture where that can be. */
function passesPicture({ presets, live }: Settings, name: string | null): boolean {
  const { video } = presets[name ?? live.preset] ?? presets[live.preset] ?? { video: 'auto' };
  return video !== 'auto' && video[0]?.passthrough === true;
}

function slatesFrom(settings: Settings, log: Log, signal: AbortSignal): SlateMaker {
  const { ffmpeg: binary } = settings.transcode;
  return { make: (facts) => makeSlate(facts, { picture: settings.live.slate, binary, log, signal }) };
}
