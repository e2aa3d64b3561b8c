import type { FeedSink } from '../../ingest/feed-sink.js';
import { Publishing } from '../../ingest/publish.js';
import { openRtmpServer } from '../../ingest/rtmp/server.js';
import type { Catalog } from '../../metadata/catalog.js';
import { newEntry } from '../../metadata/new-entry.js';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { formatAddress, parseAddress } from '../address.js';
import type { Settings } from '../config-schema.js';

export interface IngestRole {
  readonly rtmp: string;
  readonly publishing: Publishing;
  close(graceMs: number): Promise<void>;
}

export async function openIngest(options: {
  settings: Settings;
  catalog: Catalog;
  sink: FeedSink;
  log: Log;
  metrics: Metrics;
}): Promise<IngestRole> {
  const { settings, catalog, sink, log, metrics } = options;
  const note = (entry: Parameters<Catalog['append']>[0]) => {
    catalog
      .append(entry)
      .catch((error) => log.error({ entry: entry.type, reason: messageOf(error) }, 'a broadcast could not be noted'));
  };
  const publishing = new Publishing({
    sink,
    log,
    metrics,
    authorize: {
      async channelForKey(streamKey) {
        const channel = await catalog.channelByKey(streamKey);
        return channel && { channel: channel.name };
      },
    },
    events: {
      broadcastStarted: ({ channel, broadcastId, at }) =>
        note(newEntry('broadcast.started', { broadcastId, channel, at }, { id: `started-${broadcastId}` })),
      broadcastEnded: ({ broadcastId, at }) =>
        note(newEntry('broadcast.ended', { broadcastId, at }, { id: `ended-${broadcastId}` })),
    },
  });
  const { connectionsMax, idleTimeoutSec, listen } = settings.rtmp;
  const limits = { connectionsMax, idleMs: idleTimeoutSec * 1000 };
  const server = await openRtmpServer({ ...parseAddress(listen), publishing, log, metrics, limits });
  return {
    rtmp: formatAddress(server.address),
    publishing,
    async close(graceMs) {
      await publishing.close();
      await server.close(graceMs);
    },
  };
}
