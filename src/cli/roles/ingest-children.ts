import type { ChildProcess } from 'node:child_process';
import { startListenerProcess } from '../../ingest/srt/listener-child.js';
import { openWebrtcProcess, type WebrtcProcess } from '../../ingest/whip/webrtc-process.js';
import { WhipMetrics } from '../../ingest/whip/whip-metrics.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { parseAddress } from '../address.js';
import type { Settings } from '../config-schema.js';

/**
 * The processes that ingest needs for SRT and WebRTC. They are the longest wait of a start, so they begin first of all, and load
 * their libraries while the box loads its own code.
 */
export interface IngestChildren {
  /** For the first life of the SRT server; null where SRT is off. */
  readonly srt: ChildProcess | null;
  /** Null where WebRTC is off. A rejection may be left unhandled. */
  readonly webrtc: { readonly metrics: WhipMetrics; readonly process: Promise<WebrtcProcess> } | null;
  /** Ends what nobody has ended yet. */
  close(): Promise<void>;
}

export function startIngestChildren(options: { settings: Settings; log: Log; metrics: Metrics }): IngestChildren {
  const srt = options.settings.srt.listen === null ? null : startListenerProcess();
  const webrtc = startWebrtc(options);
  return {
    srt,
    webrtc,
    async close() {
      srt?.kill('SIGKILL');
      await webrtc?.process.then(
        (process) => process.close(),
        () => {},
      );
    },
  };
}

function startWebrtc({ settings, log, metrics: all }: Parameters<typeof startIngestChildren>[0]) {
  const { listen, bitrateMaxKbps } = settings.webrtc;
  if (listen === null) return null;
  const metrics = new WhipMetrics(all);
  const onDeath = () => metrics.deaths.inc();
  const process = openWebrtcProcess({ ...parseAddress(listen), bitrateMaxBps: bitrateMaxKbps * 1000, log, onDeath });
  process.catch(() => {});
  return { metrics, process };
}
