import { openEdge } from '../../edge-cache/edge.js';
import type { EdgeStats } from '../../edge-cache/edge-metrics.js';
import { openHttpServer } from '../../http/open-server.js';
import { Failure } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { formatAddress, parseAddress } from '../address.js';
import type { Settings } from '../config-schema.js';

/** The public door of a box. */
export interface EdgeRole {
  readonly http: string;
  stats(): EdgeStats;
  close(graceMs: number): Promise<void>;
}

export async function openEdgeRole(options: {
  settings: Settings;
  upstreams: { origin: string; api: string };
  log: Log;
  metrics: Metrics;
}): Promise<EdgeRole> {
  const { settings, upstreams, log, metrics } = options;
  const edge = openEdge({
    origin: new URL(upstreams.origin),
    api: new URL(upstreams.api),
    memoryBytes: settings.edge.memory,
    log,
    metrics,
  });
  const { listen, engine, idleTimeoutSec } = settings.http;
  const server = await openHttpServer(
    { ...parseAddress(listen), engine, idleTimeoutMs: idleTimeoutSec * 1000 },
    edge.handler,
    log,
  ).catch((error) => {
    throw withFlag(error);
  });
  log.info({ engine: server.engine, ...server.address }, 'the public door is open');
  return {
    http: formatAddress(server.address),
    stats: () => edge.stats(),
    async close(graceMs) {
      await server.close(graceMs);
      await edge.close();
    },
  };
}

/** The engines do not know how this door got its address; the operator should. */
function withFlag(error: unknown): unknown {
  if (!(error instanceof Failure)) return error;
  const hint = `${error.hint} Give the public door another address with --http ADDR:PORT.`;
  return new Failure(error.code, error.message, { hint, cause: error });
}
