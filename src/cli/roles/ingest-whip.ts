import { callerAddress } from '../../api/reached.js';
import type { Publishing } from '../../ingest/publish.js';
import { WhipServer } from '../../ingest/whip/server.js';
import { openWebrtcProcess } from '../../ingest/whip/webrtc-process.js';
import { WhipMetrics } from '../../ingest/whip/whip-metrics.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { formatAddress, parseAddress } from '../address.js';
import type { Settings } from '../config-schema.js';

/** Where browsers and OBS publish: its HTTP half is mounted in the web door, its media have a UDP port. */
export interface WhipIngest {
  /** Undefined where WebRTC can't run on this machine: then every request is told so. */
  readonly webrtc: string | undefined;
  readonly handle: WhipServer['handle'];
  close(): Promise<void>;
}

/** Null where `webrtc.listen` is null. */
export async function openWhipIngest(options: {
  settings: Settings;
  publishing: Publishing;
  log: Log;
  metrics: Metrics;
}): Promise<WhipIngest | null> {
  const { settings, publishing, log } = options;
  const { listen, sessionsMax, publicAddresses, bitrateMaxKbps } = settings.webrtc;
  if (listen === null) return null;
  const { host, port } = parseAddress(listen);
  const metrics = new WhipMetrics(options.metrics);
  const onDeath = () => metrics.deaths.inc();
  const webrtc = await openWebrtcProcess({ host, port, bitrateMaxBps: bitrateMaxKbps * 1000, log, onDeath });
  if (webrtc.unable !== null)
    log.warn({ reason: webrtc.unable }, 'WebRTC cannot run here: WHIP publishers are refused');
  const whip = new WhipServer({
    path: '/whip',
    publishing,
    webrtc,
    publicAddresses,
    remoteAddress: (req) => callerAddress(req.headers, req.socket.remoteAddress ?? 'unknown'),
    log,
    metrics,
    limits: { sessionsMax },
  });
  return {
    webrtc: webrtc.unable === null ? formatAddress({ host, port: webrtc.port }) : undefined,
    handle: (req, res) => whip.handle(req, res),
    async close() {
      whip.close();
      await webrtc.close();
    },
  };
}
