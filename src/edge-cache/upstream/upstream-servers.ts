import type { Log } from '../../telemetry/log.js';
import { seedOf } from './rendezvous.js';
import { type HealthLimits, UpstreamHealth } from './upstream-health.js';
import type { UpstreamMetrics } from './upstream-metrics.js';

/** Where one server of the content is. */
export interface ServerAddress {
  /** A path in it goes before every path asked. */
  readonly url: URL;
  /** What it takes compared with the others, above 0. */
  readonly weight: number;
}

export interface UpstreamServer {
  /** Host, port and path. */
  readonly name: string;
  readonly base: URL;
  readonly weight: number;
  readonly seed: number;
  readonly health: UpstreamHealth;
}

/** `broken`: it takes no connections, or cuts them; `struggling`: it is there, but answers too late, or with 502, 503, 504. */
export type Trouble = 'broken' | 'struggling';

export interface UpstreamServersOptions {
  readonly addresses: readonly ServerAddress[];
  readonly limits: HealthLimits;
  readonly log: Log;
  readonly metrics: UpstreamMetrics;
  /** Steady, ms. */
  readonly now: () => number;
}

/**
 * The servers of the same content, and which of them are in service. What one kind of request learns of a server counts for all.
 *
 * Lives as long as the edge. A single server is never left out. Of several, all that are broken may be; at most half are for merely
 * struggling, since what most of them have is more likely load, which fewer would bear still worse.
 */
export class UpstreamServers {
  readonly all: readonly UpstreamServer[];
  readonly #options: UpstreamServersOptions;
  #closed = false;

  constructor(options: UpstreamServersOptions) {
    this.#options = options;
    this.all = options.addresses.map(({ url, weight }) => {
      const name = serverName(url);
      options.metrics.inService(name, true);
      const health = new UpstreamHealth(options.limits, options.now);
      return { name, base: url, weight, seed: seedOf(name), health };
    });
  }

  /** Those to choose from: where there is none, all are tried. */
  ready(): readonly UpstreamServer[] {
    const ready = this.all.filter(({ health }) => health.isReady);
    return ready.length === 0 ? this.all : ready;
  }

  failed(server: UpstreamServer, trouble: Trouble, askedAt: number): void {
    if (this.#closed || !server.health.failed(askedAt, () => this.#mayLeave(trouble))) return;
    const { log, metrics } = this.#options;
    const outForSec = Math.round(server.health.outForMs / 1000);
    metrics.ejected(server.name, 'failures');
    metrics.inService(server.name, false);
    log.warn({ server: server.name, trouble, outForSec }, 'upstream is left out: too many failures in a row');
  }

  succeeded(server: UpstreamServer, askedAt: number): void {
    if (!server.health.succeeded(askedAt) || server.health.isOut) return;
    this.#back(server);
  }

  probed(server: UpstreamServer, good: boolean): void {
    if (this.#closed || !server.health.probed(good)) return;
    if (good) {
      if (server.health.isProven) this.#back(server);
      return;
    }
    const { log, metrics } = this.#options;
    metrics.ejected(server.name, 'probes');
    metrics.inService(server.name, false);
    log.warn({ server: server.name }, 'upstream is left out: it fails its probes');
  }

  /** Requests are cut now, which says nothing of the servers. */
  close(): void {
    this.#closed = true;
  }

  #back(server: UpstreamServer): void {
    this.#options.metrics.inService(server.name, true);
    this.#options.log.info({ server: server.name }, 'upstream is back');
  }

  #mayLeave(trouble: Trouble): boolean {
    const { length } = this.all;
    if (length === 1) return false;
    const out = this.all.filter(({ health }) => health.isOut).length;
    return trouble === 'broken' || out < Math.floor(length / 2);
  }
}

function serverName({ host, pathname }: URL): string {
  return `${host}${pathname.replace(/\/+$/, '')}`;
}
