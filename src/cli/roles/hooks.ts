import { AuthorizeHook } from '../../hooks/authorize-hook.js';
import { type EventHooks, openEventHooks } from '../../hooks/event-hooks.js';
import { HookMetrics } from '../../hooks/hook-metrics.js';
import type { LiveEvents } from '../../ingest/live-events.js';
import type { PublishingOptions } from '../../ingest/publish.js';
import type { ArchivedBroadcast } from '../../origin/recording/archiver.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { Settings } from '../config-schema.js';
import type { DataFolder } from '../data-folder.js';
import { steadyNow } from '../steady-clock.js';

/** The operator's own servers: one is asked before a publish, others are told what happens. Nothing where none is named. */
export interface HooksRole {
  readonly approve: PublishingOptions['approve'];
  readonly events: LiveEvents;
  readonly archived: (archive: ArchivedBroadcast) => void;
  close(graceMs: number): Promise<void>;
}

export async function openHooks(options: {
  settings: Settings;
  data: DataFolder;
  log: Log;
  metrics: Metrics;
}): Promise<HooksRole> {
  const { settings, data, log } = options;
  const { authorize, events: receivers } = settings.hooks;
  const metrics = new HookMetrics(options.metrics);
  const { url, ...asking } = authorize;
  const question = url === null ? null : new AuthorizeHook({ ...asking, url, log, metrics });
  const events = await openEventHooks({ receivers, folder: data.folder('hooks'), log, metrics });
  return {
    approve: question === null ? undefined : (request, channel) => ask(question, request, channel),
    events: toldTo(events),
    archived: ({ channel, broadcastId, videoId, durationSec, complete }) =>
      events.tell({ type: 'archived', channel, broadcastId, at: steadyNow(), videoId, durationSec, complete }),
    async close(graceMs) {
      await Promise.all([question?.close(), events.close(graceMs)]);
    },
  };
}

const ask: (
  hook: AuthorizeHook,
  ...asked: Parameters<NonNullable<PublishingOptions['approve']>>
) => ReturnType<NonNullable<PublishingOptions['approve']>> = async (
  hook,
  { protocol, remoteAddress, backup },
  channel,
) => {
  const { allowed, reason = '' } = await hook.authorizePublish({ channel, protocol, remoteAddress, backup });
  return allowed ? { ok: true } : { ok: false, message: reason };
};

function toldTo(hooks: EventHooks): LiveEvents {
  return {
    broadcastStarted: ({ channel, broadcastId, at }) => hooks.tell({ type: 'started', channel, broadcastId, at }),
    broadcastEnded: ({ channel, broadcastId, at }) => hooks.tell({ type: 'stopped', channel, broadcastId, at }),
    sourceChanged: ({ channel, broadcastId, at, from, to }) =>
      hooks.tell({ type: 'failed-over', channel, broadcastId, at, from, to }),
    timedMetadata: () => {},
    captionsFound: () => {},
  };
}
