/**
 * What an edge asks: its origin, for each purpose with limits of its own, and the API. Lives from `openUpstreams` to `close`, which cuts what is under way.
 */
import { defaultOriginHealth, type OriginHealth, OriginServers, type UpstreamTools } from './origin-servers.js';
import { RetryBudget } from './retry-budget.js';
import { Upstream, type UpstreamLimits } from './upstream.js';
import type { UpstreamGroup } from './upstream-group.js';
import type { ServerAddress } from './upstream-servers.js';

export interface UpstreamsOptions {
  /** Where everything but the API comes from; a path in it goes before every path asked. Several: servers of the same content. */
  readonly origin: URL | readonly ServerAddress[];
  /** When one of several servers is left out, and how it comes back. */
  readonly originHealth?: Partial<OriginHealth>;
  /** Where `/v1` comes from; null: the origin is any HTTP server, and all of it is the cached space. */
  readonly api: URL | null;
  /** Towards the origin, for each of shared fetches and others; and towards the API. */
  readonly originLimits?: Partial<UpstreamLimits>;
  readonly apiLimits?: Partial<UpstreamLimits>;
  /** Towards the origin, for what it may hold back; else as `originLimits`, with a longer `headMs` and room for more at once. */
  readonly heldLimits?: Partial<UpstreamLimits>;
}

export interface Upstreams {
  readonly origin: OriginServers;
  /** For what is shared. */
  readonly fills: UpstreamGroup;
  /** For what is not: slow clients hold these for long, and must not keep the fills waiting. */
  readonly alone: UpstreamGroup;
  /** For what the origin may hold back. */
  readonly held: UpstreamGroup;
  readonly api: Upstream | null;
  close(): Promise<void>;
}

export const defaultUpstreamLimits: UpstreamLimits = {
  concurrent: 256,
  waitersMax: 2048,
  waitMs: 10_000,
  connectMs: 3_000,
  headMs: 30_000,
  bodyMs: 30_000,
};

/**
 * The longest that the origin holds an answer back, three target durations (draft-pantos-hls-rfc8216bis §6.2.5.2) of a long one,
 * on top of what any answer may take.
 */
const holdMsMax = 20_000;
/** 200 channels of 4 renditions, each with a playlist, a part and a growing segment, and as many again. */
const heldConcurrent = 4096;

export function openUpstreams(options: UpstreamsOptions, tools: UpstreamTools): Upstreams {
  const addresses = options.origin instanceof URL ? [{ url: options.origin, weight: 1 }] : options.origin;
  const health = { ...defaultOriginHealth, ...options.originHealth };
  const origin = new OriginServers({ ...tools, addresses, health });
  const limits = { ...defaultUpstreamLimits, ...options.originLimits };
  const longer = { headMs: limits.headMs + holdMsMax, concurrent: heldConcurrent, waitersMax: heldConcurrent };
  const api = options.api && openApi(options.api, options, tools);
  return {
    origin,
    fills: origin.openGroup('origin', limits),
    alone: origin.openGroup('origin-alone', limits),
    held: origin.openGroup('origin-held', { ...limits, ...longer, ...options.heldLimits }, { held: true }),
    api,
    close: async () => {
      await Promise.all([origin.close(), api?.close()]);
    },
  };
}

function openApi(base: URL, { apiLimits }: UpstreamsOptions, tools: UpstreamTools): Upstream {
  const { cdnId, log, edgeMetrics: metrics, now, steadyNow } = tools;
  const limits = { ...defaultUpstreamLimits, ...apiLimits };
  return new Upstream({ name: 'api', base, limits, retries: new RetryBudget(steadyNow), cdnId, log, metrics, now });
}
