import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { EdgeMetrics } from '../edge-metrics.js';
import { HealthProbe, type ProbeLimits, probeUpstreamLimits } from './health-probe.js';
import { RetryBudget } from './retry-budget.js';
import { Upstream, type UpstreamLimits } from './upstream.js';
import { UpstreamGroup } from './upstream-group.js';
import type { HealthLimits } from './upstream-health.js';
import { UpstreamMetrics } from './upstream-metrics.js';
import { type ServerAddress, type UpstreamServer, UpstreamServers } from './upstream-servers.js';

export interface OriginHealth extends HealthLimits {
  /** 502, 503 and 504 count as failures. */
  readonly gatewayErrors: boolean;
  /** Null: a server's answers alone say how it is. */
  readonly probe: ProbeLimits | null;
}

export const defaultOriginHealth: OriginHealth = {
  failuresMax: 5,
  outMs: 10_000,
  outMsMax: 300_000,
  slowStartMs: 30_000,
  gatewayErrors: true,
  probe: null,
};

/** What everything that asks upstream needs of its edge. */
export interface UpstreamTools {
  /** What this edge calls itself in CDN-Loop. */
  readonly cdnId: string;
  readonly log: Log;
  readonly edgeMetrics: EdgeMetrics;
  readonly metrics: Metrics;
  /** Epoch ms. */
  readonly now: () => number;
  /** Only ever counts on; ms. */
  readonly steadyNow: () => number;
}

export interface OriginServersOptions extends UpstreamTools {
  readonly addresses: readonly ServerAddress[];
  readonly health: OriginHealth;
}

/**
 * The servers that the cached space comes from, and the groups of connections to them.
 *
 * Lives as long as the edge.
 */
export class OriginServers {
  readonly retries: RetryBudget;
  readonly metrics: UpstreamMetrics;
  readonly #options: OriginServersOptions;
  readonly #servers: UpstreamServers;
  readonly #probes: readonly HealthProbe[];
  readonly #groups: UpstreamGroup[] = [];

  constructor(options: OriginServersOptions) {
    const { addresses, health, log, steadyNow } = options;
    this.#options = options;
    this.retries = new RetryBudget(steadyNow);
    this.metrics = new UpstreamMetrics(options.metrics);
    this.#servers = new UpstreamServers({ addresses, limits: health, log, metrics: this.metrics, now: steadyNow });
    this.#probes = this.#openProbes(health.probe);
  }

  /** `held`: for answers that may be held back. */
  openGroup(name: string, limits: UpstreamLimits, { held } = { held: false }): UpstreamGroup {
    const group = new UpstreamGroup({
      ...{ name, held, servers: this.#servers, retries: this.retries, headMs: limits.headMs },
      ...{ gatewayErrors: this.#options.health.gatewayErrors, metrics: this.metrics, now: this.#options.steadyNow },
      open: (server) => this.#open(name, server, limits),
    });
    this.#groups.push(group);
    return group;
  }

  async close(): Promise<void> {
    this.#servers.close();
    await Promise.all([...this.#probes, ...this.#groups].map((each) => each.close()));
  }

  #openProbes(limits: ProbeLimits | null): HealthProbe[] {
    if (limits === null) return [];
    return this.#servers.all.map((server) => {
      const upstream = this.#open('probe', server, probeUpstreamLimits);
      return new HealthProbe(upstream, limits, (good) => this.#servers.probed(server, good));
    });
  }

  #open(name: string, server: UpstreamServer, limits: UpstreamLimits): Upstream {
    const { cdnId, log, edgeMetrics, now } = this.#options;
    const { base, name: its } = server;
    return new Upstream({
      name,
      base,
      server: its,
      limits,
      retries: this.retries,
      cdnId,
      log,
      metrics: edgeMetrics,
      now,
    });
  }
}
