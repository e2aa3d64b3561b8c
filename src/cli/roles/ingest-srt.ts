import type { ChildProcess } from 'node:child_process';
import type { Publishing } from '../../ingest/publish.js';
import { openSrtServer } from '../../ingest/srt/server.js';
import type { Catalog } from '../../metadata/catalog.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { formatAddress, parseAddress } from '../address.js';
import type { Settings } from '../config-schema.js';
import { SrtKeys } from '../srt-keys.js';

/** Where encoders push over SRT. */
export interface SrtIngest {
  /** Undefined where SRT is switched off, or can't run on this machine. */
  readonly srt: string | undefined;
  /** Why it can't run; null where it runs, or is switched off. */
  readonly unable: string | null;
  /** Why no packet filter stands before the port; null where one does, or nothing runs. */
  readonly unfiltered: string | null;
  close(graceMs: number): Promise<void>;
}

const LIBSRT_HINT = 'sudo apt-get install libsrt1.5-gnutls, then start the box again';

export async function openSrtIngest(options: {
  settings: Settings;
  catalog: Catalog;
  publishing: Publishing;
  log: Log;
  metrics: Metrics;
  /** Started before; null: now. */
  process: ChildProcess | null;
}): Promise<SrtIngest> {
  const { settings, catalog, publishing, log, metrics } = options;
  const { listen, latencyMs, connectionsMax, idleTimeoutSec } = settings.srt;
  if (listen === null) return { srt: undefined, unable: null, unfiltered: null, close: async () => {} };
  const limits = { latencyMs, connectionsMax, idleMs: idleTimeoutSec * 1000 };
  const keys = new SrtKeys(catalog);
  const at = { ...parseAddress(listen), firstProcess: options.process };
  const opening = await openSrtServer({ ...at, publishing, keys, log, metrics, limits });
  if (opening.serving) {
    const { server, unfiltered } = opening;
    const close = (graceMs: number) => server.close(graceMs);
    return { srt: formatAddress(server.address), unable: null, unfiltered, close };
  }
  log.warn({ reason: opening.reason, hint: LIBSRT_HINT }, 'SRT cannot run here: it is off');
  const unable = `${opening.reason} (${LIBSRT_HINT})`;
  return { srt: undefined, unable, unfiltered: null, close: async () => {} };
}
