import { callerAddress } from '../../api/reached.js';
import type { Publishing } from '../../ingest/publish.js';
import { WhipServer } from '../../ingest/whip/server.js';
import type { Log } from '../../telemetry/log.js';
import { formatAddress, parseAddress } from '../address.js';
import type { Settings } from '../config-schema.js';
import type { IngestChildren } from './ingest-children.js';

/** Where browsers and OBS publish: its HTTP half is mounted in the web door, its media have a UDP port. */
export interface WhipIngest {
  /** Undefined where WebRTC can't run on this machine: then every request is told so. */
  readonly webrtc: string | undefined;
  readonly handle: WhipServer['handle'];
  close(): Promise<void>;
}

/** Null where WebRTC is off. */
export async function openWhipIngest(options: {
  settings: Settings;
  publishing: Publishing;
  log: Log;
  started: IngestChildren['webrtc'];
}): Promise<WhipIngest | null> {
  const { settings, publishing, log, started } = options;
  const { listen, sessionsMax, publicAddresses } = settings.webrtc;
  if (listen === null || started === null) return null;
  const { host } = parseAddress(listen);
  const { metrics } = started;
  const webrtc = await started.process;
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
